import { createHash } from 'node:crypto'
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export type PageName = 'report' | 'live'

/** Script and stylesheet of a page, as text. */
export interface PageBundle {
  readonly script: string
  readonly style: string
}

const here = path.dirname(fileURLToPath(import.meta.url))
/** In the published package the pages lie built beside the code. */
const built = path.join(here, '..', 'page')
/** In the repository they are built when they are first needed, and again when a source has changed. */
const chaos = path.join(here, '..', '..')
const sources = path.join(chaos, 'page')
const cache = path.join(chaos, 'dist', 'page')

export async function pageBundle(page: PageName): Promise<PageBundle> {
  if (existsSync(path.join(built, `${page}.js`))) return read(built, page)
  const folder = path.join(cache, fingerprint())
  if (!existsSync(folder)) await buildInto(folder)
  return read(folder, page)
}

function read(folder: string, page: PageName): PageBundle {
  const text = (ending: string): string => readFileSync(path.join(folder, `${page}.${ending}`), 'utf8')
  return { script: text('js'), style: text('css') }
}

/** Changes with every source that the pages are made of. */
function fingerprint(): string {
  const hash = createHash('sha256')
  const advise = path.join(chaos, '..', 'src', 'advise')
  for (const folder of [sources, path.join(chaos, 'src'), advise]) {
    for (const file of globSync('**/*.{ts,tsx,css}', { cwd: folder }).toSorted()) {
      if (!file.includes('test')) hash.update(file).update(readFileSync(path.join(folder, file)))
    }
  }
  hash.update(readFileSync(path.join(chaos, 'package.json')))
  return hash.digest('hex').slice(0, 16)
}

/** Two processes may build at once: each into a folder of its own, and the first rename wins. */
async function buildInto(folder: string): Promise<void> {
  const { buildPages } = await import('./build-pages.ts')
  const own = `${folder}.${process.pid}`
  mkdirSync(own, { recursive: true })
  for (const [name, text] of Object.entries(await buildPages(sources)))
    writeFileSync(path.join(own, name), text)
  try {
    renameSync(own, folder)
  } catch (error) {
    rmSync(own, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  forgetOthers(path.basename(folder))
}

/** Pages of earlier sources. */
function forgetOthers(kept: string): void {
  for (const name of readdirSync(cache)) {
    if (name !== kept && /^[0-9a-f]{16}$/.test(name))
      rmSync(path.join(cache, name), { recursive: true, force: true })
  }
}
