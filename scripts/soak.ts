// The long form of tests: `npm run soak -- row 12` runs the tests of one hazard, `-- file spool-kafka` those of the end-to-end
// tests whose names hold these words, `npm run soak` all end-to-end tests, with the durations and seeds of a long run.
// `SEED=7` repeats one, `SOAK_RATE=200` sends less than 1,000 events a second where the machine cannot bear them.
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findHazardTests } from './hazards/find-tests.ts'

const [word, name = '', ...only] = process.argv.slice(2)
const which = chosen()
if (which === undefined) {
  process.stderr.write(
    'usage: npm run soak [-- row N | file NAME [WORDS OF A TEST]], such as: npm run soak -- row 12\n',
  )
  process.exit(2)
}
const seed = process.env['SEED'] ?? String(randomInt(2 ** 31))
process.stdout.write(`soak: SEED=${seed}\n`)
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...which,
    '--testTimeout=3600000',
    '--no-file-parallelism', // a limit on time is not shared with another test
    '--reporter=default',
    '--reporter=./scripts/test-results.js',
    '--reporter=./scripts/closing-line.js',
  ],
  { stdio: 'inherit', env: { ...process.env, HOLDFAST_SOAK: '1', SEED: seed } },
)
process.exit(run.status ?? 1)

/** What to run, as Vitest is told. Undefined: nobody can say. */
function chosen(): string[] | undefined {
  if (word === undefined) return ['test/e2e']
  if (word === 'row' && /^S?\d+$/.test(name) && only.length === 0)
    return [...filesOf(name), '-t', `hazards? ([S0-9, ]+, ?)?${name}(,[S0-9, ]+)?:`]
  if (word === 'file' && name !== '')
    return [`test/e2e/${name}`, ...(only.length > 0 ? ['-t', only.join(' ')] : [])]
  return undefined
}

/** The files with tests of the row; none, which means all, when a promise of a suite is among them. */
function filesOf(row: string): string[] {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = new Set(findHazardTests(root).flatMap(test => (test.row === row ? [test.file] : [])))
  return [...files].every(file => file.endsWith('.test.ts')) ? [...files] : []
}
