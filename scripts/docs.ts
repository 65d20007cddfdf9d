// Writes the pages of docs/ that are made from the sources: `npm run docs`. Tests compare them.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cliPage } from '../src/cli/cli-page.ts'
import { errorsPage, problemsPage } from '../src/cli/errors-page.ts'
import { metricsPage } from '../src/cli/metrics-page.ts'
import { cliProgram } from '../src/cli/program.ts'
import { findHazardTests } from './hazards/find-tests.ts'
import { hazardsPage } from './hazards/page.ts'

const silent = { out: () => {}, err: () => {}, env: {} }
const pages = {
  'errors.md': errorsPage(),
  'collector-problems.md': problemsPage(),
  'cli.md': cliPage(await cliProgram(silent, () => {}, ['chaos'])),
  'metrics.md': await metricsPage(),
  'hazards.md': hazardsPage(findHazardTests(fileURLToPath(new URL('..', import.meta.url)))),
}

for (const [name, text] of Object.entries(pages)) {
  writeFileSync(new URL(`../docs/${name}`, import.meta.url), text)
}
