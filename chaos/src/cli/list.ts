import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Arm } from '../contract/arm.ts'
import { measureNames } from '../checks/measures.ts'
import { builtIns } from '../scenario/built-in.ts'
import { readResult } from './read-result.ts'
import { columns, plain } from './columns.ts'

/** What can be run, and what was run. `folder` holds a folder for each run. */
export function listing(arms: readonly Arm[], folder: string): string {
  const scenarios = Object.entries(builtIns).map(([name, { scenario }]) => {
    const seconds = scenario.load.phases.reduce((sum, phase) => sum + phase.seconds, 0)
    const together = scenario.mode === 'side-by-side' ? '' : ` × ${scenario.arms.length}`
    return `  ${name.padEnd(12)} ${`${plain(seconds)} s${together}`.padStart(9)}  ${scenario.title}\n`
  })
  return [
    'Scenarios\n',
    ...scenarios,
    '\nArms\n',
    ...arms.flatMap(({ name, description, flags }) => [
      `  ${name.padEnd(12)} ${description}\n`,
      ...Object.entries(flags).map(([flag, what]) => `      ${flag}: ${what}\n`),
    ]),
    '\nMeasures for checks\n',
    wrapped([...measureNames({ phases: [] }), 'phase.NAME.p95 and so on']),
    '\nRuns\n',
    runs(folder),
  ].join('')
}

/** As many words in a line as fit. */
function wrapped(words: readonly string[]): string {
  let [text, line] = ['', '']
  for (const word of words) {
    const longer = line === '' ? word : `${line}, ${word}`
    if (longer.length <= 90) line = longer
    else [text, line] = [`${text}  ${line},\n`, word]
  }
  return `${text}  ${line}\n`
}

function runs(folder: string): string {
  const found = (existsSync(folder) ? readdirSync(folder) : [])
    .filter(name => existsSync(join(folder, name, 'result.json')))
    .toSorted()
    .flatMap(name => {
      try {
        return [readResult(join(folder, name, 'result.json'))]
      } catch {
        return [] // one that a newer version wrote is not ours to list
      }
    })
  if (found.length === 0) return `  none in ${folder}\n`
  return columns(
    found.map(({ id, partial, checks, arms }) => [
      id,
      partial ? 'interrupted' : `${checks.filter(({ passed }) => passed).length} of ${checks.length} checks`,
      arms.map(({ name, counts }) => `${name} lost ${plain(counts.lost)}`).join(', '),
    ]),
  )
}
