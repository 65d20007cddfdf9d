import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** A fault: a text of one file, and what it becomes. */
export interface Fault {
  /** Below `src/recover`. */
  readonly file: string
  readonly text: string
  readonly becomes: string
}

const recover = path.join(import.meta.dirname, '../../src/recover')
const folders = ['lane', 'replay']
const files = [
  'letter-state.ts',
  'fair-queue.ts',
  'fifo.ts',
  ...folders.flatMap(folder =>
    readdirSync(path.join(recover, folder))
      .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map(name => `${folder}/${name}`),
  ),
]

/**
 * The retry lane and the book of replays with a fault in them, loaded beside the real one: the source keeps no switches for its tests. `load`
 * imports a file of `src/recover`; everything else the copy takes from the real tree.
 */
export async function withFault<T>(
  fault: Fault,
  use: (load: (file: string) => Promise<Record<string, unknown>>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-fault-'))
  try {
    for (const name of folders) mkdirSync(path.join(folder, name))
    const event = pathToFileURL(path.join(recover, '../event/index.ts')).href
    for (const file of files) {
      const source = readFileSync(path.join(recover, file), 'utf8')
      const planted = file === fault.file ? plant(source, fault) : source
      writeFileSync(path.join(folder, file), planted.replaceAll("'../../event/index.ts'", `'${event}'`))
    }
    return await use(
      file => import(pathToFileURL(path.join(folder, file)).href) as Promise<Record<string, unknown>>,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function plant(source: string, { file, text, becomes }: Fault): string {
  if (source.split(text).length !== 2)
    throw new Error(`${file} does not hold this text once, so nothing would be planted:\n${text}`)
  return source.replace(text, () => becomes)
}
