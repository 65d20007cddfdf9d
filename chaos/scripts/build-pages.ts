// Builds the pages for the package: dist/page/{report,live}.{js,css}. The published code reads them there and needs no
// Vite; in the repository they are built when they are first needed (src/report/page-bundle.ts).
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buildPages } from '../src/report/build-pages.ts'

const chaos = path.dirname(import.meta.dirname)
const folder = path.join(chaos, 'dist', 'page')
mkdirSync(folder, { recursive: true })
for (const [name, text] of Object.entries(await buildPages(path.join(chaos, 'page')))) {
  writeFileSync(path.join(folder, name), text)
}
