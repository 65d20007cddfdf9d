// `npm run hazards`: row → test → file → last result → what was seen of the fault, on this machine.
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findHazardTests, type HazardTest } from './hazards/find-tests.ts'
import { hazardRows } from './hazards/rows.ts'

interface Result {
  readonly state: string
  readonly at: string
  readonly observed: readonly string[]
}

type Results = Readonly<Record<string, { readonly short?: Result; readonly long?: Result }>>

const root = fileURLToPath(new URL('..', import.meta.url))
const tests = findHazardTests(root)

process.stdout.write(`${table(readResults()).join('\n')}\n`)

function readResults(): Results {
  const file = `${root}.holdfast/test-results.json`
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : {}
}

function table(results: Results): string[] {
  return hazardRows.flatMap(({ row, hazard, tested }) => {
    const own = tests.filter(test => test.row === row)
    const none = own.length > 0 ? [] : [tested ? '     NO TEST' : '     no test yet']
    return [`${row.padStart(4)} ${hazard}`, ...none, ...own.flatMap(test => linesOf(test, results))]
  })
}

function linesOf(test: HazardTest, results: Results): string[] {
  const found = Object.entries(results).filter(([key]) => isOf(test, key))
  const runs = found.flatMap(([, { short, long }]) => [
    ...(short ? [`${short.state} ${short.at}`, ...short.observed.map(seen => `  saw: ${seen}`)] : []),
    ...(long ? [`long run: ${long.state} ${long.at}`, ...long.observed.map(seen => `  saw: ${seen}`)] : []),
  ])
  return [
    `     ${test.name}`,
    `       ${test.file}`,
    ...(runs.length > 0 ? runs.map(line => `       ${line}`) : ['       not run here yet']),
  ]
}

/** Whether a result is of this test: its name may hold the placeholders of a table test. */
function isOf({ row, name }: HazardTest, key: string): boolean {
  const pattern = name
    .split(/%[sdijoO#]|\$\{[^}]*\}|\$\w+/)
    .map(part => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*')
  return new RegExp(`hazards? (?:[S\\d, ]+, ?)?${row}(?:,[S\\d, ]+)?: ${pattern}`).test(key)
}
