// Writes the pages of docs/ that are made from the sources: `npm run docs`. A test compares them.
import { writeFileSync } from 'node:fs'
import { errorsPage, problemsPage } from '../src/cli/errors-page.ts'

const pages = { 'errors.md': errorsPage(), 'collector-problems.md': problemsPage() }

for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text)
}
