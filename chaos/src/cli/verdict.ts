import type { ArmResult, Result } from '../contract/result.ts'
import { columns, plain } from './columns.ts'

/** The result of a run for the terminal: what became of the events, and whether that was expected. */
export function verdict({ scenario, arms, checks, partial }: Result): string {
  const asserted = checks.filter(({ passed }) => !passed).length
  const problems = arms.flatMap(({ name, problems }) => problems.map(problem => `  ${name}: ${problem}\n`))
  return [
    `\n${scenario.title}\n\n`,
    columns([heads, ...arms.map(cells)]),
    '\n',
    ...checks.map(({ arm, expression, actual, passed, because }) => {
      const found = typeof actual === 'number' ? plain(actual) : actual
      return `  ${passed ? 'ok  ' : 'FAIL'}  ${arm}: ${expression}  (${found}): ${because}\n`
    }),
    ...(problems.length > 0 ? ['\nThis run is not to be believed:\n', ...problems] : []),
    partial
      ? '\nInterrupted: nothing is asserted.\n'
      : checks.length === 0
        ? '\nNothing was asserted.\n'
        : asserted === 0
          ? `\nAll ${checks.length} checks held.\n`
          : `\n${asserted} of ${checks.length} checks failed.\n`,
  ].join('')
}

const heads = [
  'arm',
  'planned',
  'accepted',
  'turned away',
  'accepted/s',
  'lost',
  'doubled',
  'out of order',
  'p50 ms',
  'p99 ms',
  'most waiting',
  'drained after',
]

function cells(arm: ArmResult): string[] {
  const { name, counts, latency, peakLag, drainedAfterFault } = arm
  return [
    name,
    plain(counts.planned),
    plain(counts.accepted),
    plain(counts.refused + counts.unanswered + counts.unsent),
    plain(arm.acceptedPerSecond),
    plain(counts.lost),
    plain(counts.doubled),
    plain(counts.inversions),
    plain(latency.accepted.p50),
    plain(latency.accepted.p99),
    peakLag === null ? '-' : plain(peakLag),
    drainedAfterFault === null ? '-' : `${plain(drainedAfterFault)} s`,
  ]
}
