import type { Progress } from '../src/contract/progress.ts'
import type { ArmResult, Result } from '../src/contract/result.ts'

/** What a runner would have told while a result came about, side by side or one arm after another. */
export function sampleProgress(result: Result): Progress[] {
  const { arms, mode, scenario } = result
  const length = Math.max(...arms.map(arm => arm.phases.at(-1)?.to ?? 0))
  const began: Progress = {
    kind: 'began',
    scenario: scenario.name,
    title: scenario.title,
    arms: arms.map(({ name, title }) => ({ name, title })),
    seconds: length,
    mode,
  }
  const told = arms.map(arm => toldOf(arm, length))
  const longest = Math.max(...told.map(list => list.length))
  const together = Array.from({ length: longest }, (_, index) => told.flatMap(list => list[index] ?? []))
  return [began, ...(mode === 'sequence' ? told.flat(2) : together.flat()), { kind: 'ended', result }]
}

/** One list for each second, in which one or more things were told. */
function toldOf(arm: ArmResult, length: number): Progress[][] {
  const { series, name } = arm
  const sum = { planned: 0, accepted: 0, refused: 0, unanswered: 0, unsent: 0 }
  const seconds = series.second.map((at, index): Progress[] => {
    for (const kind of ['accepted', 'refused', 'unanswered', 'unsent'] as const) {
      sum[kind] += series[kind][index] ?? 0
      sum.planned += series[kind][index] ?? 0
    }
    const known = (values: readonly (number | null)[]): number | undefined => values[index] ?? undefined
    const second = {
      at,
      phase: arm.phases.find(({ from, to }) => at >= from && at < to)?.name ?? 'drain',
      faultActive: arm.faults.some(({ began, ended }) => at >= Math.floor(began) && at < ended),
      ...sum,
      ...defined({
        rows: known(series.rows),
        lag: known(series.lag),
        lagSeconds: known(series.lagSeconds),
        p99: known(series.p99),
        breaker: series.breaker[index] ?? undefined,
      }),
    }
    const events = arm.timeline.filter(event => Math.floor(event.at) === at)
    return [
      ...(index === length ? [{ kind: 'arm', arm: name, state: 'draining' } as const] : []),
      ...events.map(event => ({ kind: 'event', arm: name, event }) as const),
      { kind: 'second', arm: name, second },
    ]
  })
  return [
    [{ kind: 'arm', arm: name, state: 'starting' }],
    [{ kind: 'arm', arm: name, state: 'running' }],
    ...seconds,
    [{ kind: 'arm', arm: name, state: 'audited' }],
  ]
}

type Defined<T> = { [K in keyof T]?: NonNullable<T[K]> }

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}
