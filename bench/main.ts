/**
 * `npm run bench`: every benchmark in five rounds. `-- --only append-1` (or a beginning, such as `append`) takes some,
 * `--rounds N` changes the rounds, `--json FILE` keeps everything that was measured, `--check` fails when an aim is
 * missed in three of five rounds.
 */
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { describeMachine } from './frame/machine.ts'
import { runBenchmark, type Result } from './frame/run.ts'
import { tableOf } from './frame/table.ts'
import { openWorld } from './frame/world.ts'
import { benchmarks } from './suites/index.ts'

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
})
const chosen = benchmarks.filter(({ name }) => values.only?.some(only => name.startsWith(only)) ?? true)
const rounds = Number(values.rounds)
if (chosen.length === 0 || !(rounds >= 1)) {
  process.stderr.write(`bench: nothing to do. There are ${benchmarks.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}
const say = (text: string): boolean => process.stdout.write(`${text}\n`)

const world = openWorld()
const results: Result[] = []
const at = new Date()
try {
  const machine = describeMachine(world.folder())
  say(JSON.stringify(machine))
  for (const benchmark of chosen) {
    if (benchmark.missing !== undefined) {
      say(`${benchmark.name}: SKIPPED, ${benchmark.missing}\n`)
      continue
    }
    const result = await runBenchmark(benchmark, world, rounds, ({ limit, subject }) => {
      process.stderr.write(
        `${benchmark.name}: ${limit?.value.toFixed(1) ?? '-'} ${subject.value.toFixed(1)}\n`,
      )
    })
    results.push(result)
    say(tableOf(benchmark, result))
    // Each time: a long run that is interrupted keeps what it had.
    if (values.json)
      writeFileSync(values.json, `${JSON.stringify({ at, machine, rounds, results }, null, 1)}\n`)
  }
} finally {
  await world.close()
}
const missed = results.filter(({ verdicts }) => verdicts.some(verdict => verdict.missed))
if (values.check && missed.length > 0) {
  say(`missed: ${missed.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}
