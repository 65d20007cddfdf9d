// Writes the pages of docs/ that are made from the sources: `npm run docs`. Tests compare them.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { errorsPage, problemsPage } from '../src/cli/errors-page.ts'
import { findHazardTests } from './hazards/find-tests.ts'
import { hazardsPage } from './hazards/page.ts'

const pages = {
  'errors.md': errorsPage(),
  'collector-problems.md': problemsPage(),
  'hazards.md': hazardsPage(findHazardTests(fileURLToPath(new URL('..', import.meta.url)))),
}

for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text)
}
