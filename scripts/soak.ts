// The long form of tests: `npm run soak -- row 12` runs the tests of one hazard, `-- file spool-kafka` those of the end-to-end
// tests whose names hold these words, `npm run soak` all end-to-end tests, with the durations and seeds of a long run.
// `SEED=7` repeats one, `SOAK_RATE=200` sends less than 1,000 events a second where the machine cannot bear them.
// A run of which nothing ran has failed, and says which tests there are.
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findHazardTests } from './hazards/find-tests.ts'
import { chosenTests, whyNothingRan, type Chosen } from './soak/chosen-tests.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const chosen = chosenTests(process.argv.slice(2), {
  endToEnd: globSync('test/e2e/*.test.ts', { cwd: root }).toSorted(),
  hazards: findHazardTests(root),
})
if (chosen.kind === 'refused') {
  process.stderr.write(`soak: ${chosen.why}\n`)
  process.exitCode = 2
} else process.exitCode = run(chosen)

function run({ files, name }: Extract<Chosen, { kind: 'run' }>): number {
  const seed = process.env['SEED'] ?? String(randomInt(2 ** 31))
  process.stdout.write(`soak: SEED=${seed}\n`)
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-soak-'))
  const summary = path.join(folder, 'summary.json')
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        ...files,
        ...(name ? ['-t', name.source] : []),
        '--testTimeout=3600000',
        '--no-file-parallelism', // a limit on time is not shared with another test
        '--reporter=default',
        '--reporter=./scripts/test-results.js',
        '--reporter=./scripts/closing-line.js',
      ],
      {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, HOLDFAST_SOAK: '1', SEED: seed, HOLDFAST_TEST_SUMMARY: summary },
      },
    )
    if (status !== 0) return status ?? 1
    const { ran, skipped } = JSON.parse(readFileSync(summary, 'utf8')) as Summary
    if (ran > 0) return 0
    process.stderr.write(`soak: ${whyNothingRan(name, skipped)}\n`)
    return 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As `closing-line.js` writes it. */
interface Summary {
  readonly ran: number
  readonly skipped: readonly string[]
}
