// `npm run hazards`: row → test → file → last result → what was seen of the fault, on this machine.
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findHazardTests, type HazardTest } from './hazards/find-tests.ts'
import { hazardRows } from './hazards/rows.ts'

interface Result {
  readonly state: string
  readonly at: string
  /** Of a long run: `SEED=` repeats it. */
  readonly seed?: number
  readonly observed: readonly string[]
}

type Results = Readonly<Record<string, Result>>

const root = fileURLToPath(new URL('..', import.meta.url))
const short = resultsIn('.holdfast/test-results.json')
const long = resultsIn('test/long-runs.json')
process.stdout.write(`${table(findHazardTests(root)).join('\n')}\n`)

function resultsIn(file: string): Results {
  return existsSync(root + file) ? (JSON.parse(readFileSync(root + file, 'utf8')) as Results) : {}
}

function table(tests: readonly HazardTest[]): string[] {
  return hazardRows.flatMap(({ row, hazard, tested }) => {
    const own = tests.filter(test => test.row === row)
    const none = own.length > 0 ? [] : [tested ? '     NO TEST' : '     no test yet']
    return [`${row.padStart(4)} ${hazard}`, ...none, ...own.flatMap(linesOf)]
  })
}

function linesOf(test: HazardTest): string[] {
  const runs = [...runsIn(short, '', test), ...runsIn(long, 'long run: ', test)]
  return [
    `     ${test.name}`,
    `       ${test.file}`,
    ...(runs.length > 0 ? runs.map(line => `       ${line}`) : ['       not run here yet']),
  ]
}

function runsIn(results: Results, kind: string, test: HazardTest): string[] {
  return Object.entries(results).flatMap(([key, { state, at, seed, observed }]) =>
    isOf(test, key)
      ? [
          `${kind}${state} ${at}${seed === undefined ? '' : `, SEED=${seed}`}`,
          ...observed.map(seen => `  saw: ${seen}`),
        ]
      : [],
  )
}

/** Whether a result is of this test: its name may hold the placeholders of a table test. */
function isOf({ row, name }: HazardTest, key: string): boolean {
  const pattern = name
    .split(/%[sdijoO#]|\$\{[^}]*\}|\$\w+/)
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*')
  return new RegExp(`hazards? (?:[S\\d, ]+, ?)?${row}(?:,[S\\d, ]+)?: ${pattern}`).test(key)
}
