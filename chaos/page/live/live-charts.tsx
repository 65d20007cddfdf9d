import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { LiveSecond } from '../../src/contract/progress.ts'
import type { LiveArm, LiveState } from '../../src/live/live-state.ts'
import { clock, count, seconds, shortCount } from '../../src/report/readable.ts'
import { armStyles, type FaultSpan, type Line } from '../chart/line.ts'
import { COUNT_STEPS, TIME_STEPS } from '../chart/plot.ts'
import type { SharedTime } from '../chart/shared-time.ts'
import { TimeChart, type TimeChartProps } from '../chart/time-chart.tsx'

interface LiveChart extends Pick<TimeChartProps, 'title' | 'note' | 'format' | 'axisFormat' | 'steps'> {
  readonly read: (second: LiveSecond) => number | undefined
}

const counts = { format: count, axisFormat: shortCount, steps: COUNT_STEPS }

const charts: readonly LiveChart[] = [
  { title: 'Accepted, in all', read: second => second.accepted, ...counts },
  { title: 'Turned away, in all', read: second => second.refused + second.unanswered, ...counts },
  {
    title: 'Rows in PostgreSQL',
    note: 'Gaps: nobody could be asked.',
    read: second => second.rows,
    ...counts,
  },
  { title: 'Waiting events', note: 'Accepted and not yet done.', read: second => second.lag, ...counts },
  {
    title: 'Age of the oldest waiting event',
    read: second => second.lagSeconds,
    format: seconds,
    axisFormat: clock,
    steps: TIME_STEPS,
  },
]

/** The arms against each other, drawn on once a second over the whole time that the load takes. */
export function LiveCharts({
  state,
  shared,
}: {
  readonly state: LiveState
  readonly shared: SharedTime
}): JSX.Element {
  const { arms } = state
  const x = useMemo(() => momentsOf(arms), [arms])
  const faults = useMemo(() => faultsOf(arms), [arms])
  return (
    <section aria-labelledby="timelines-title">
      <h3 id="timelines-title" class="unseen">
        Timelines
      </h3>
      <div class="charts">
        {charts.map(({ read, ...chart }) => {
          const lines = linesOf(arms, x, read)
          return lines.length === 0 ? null : (
            <TimeChart
              key={chart.title}
              {...chart}
              x={x}
              lines={lines}
              faults={faults}
              shared={shared}
              height={200}
            />
          )
        })}
      </div>
    </section>
  )
}

function momentsOf(arms: readonly LiveArm[]): readonly number[] {
  return [...new Set(arms.flatMap(arm => arm.seconds.map(({ at }) => Math.floor(at))))].toSorted(
    (a, b) => a - b,
  )
}

function linesOf(
  arms: readonly LiveArm[],
  x: readonly number[],
  read: (second: LiveSecond) => number | undefined,
): Line[] {
  const styles = armStyles(arms.map(({ name }) => name))
  return arms.flatMap(arm => {
    const values = new Map(arm.seconds.map(second => [Math.floor(second.at), read(second)]))
    if (![...values.values()].some(value => value !== undefined)) return []
    const { colour = '--ink', dash = [] } = styles.get(arm.name) ?? {}
    return [{ label: arm.title, colour, dash, values: x.map(at => values.get(at) ?? null) }]
  })
}

/** From the first second in which any arm had it to the last; again from there for a second one. */
function faultsOf(arms: readonly LiveArm[]): FaultSpan[] {
  const active = [
    ...new Set(
      arms.flatMap(arm =>
        arm.seconds.filter(({ faultActive }) => faultActive).map(({ at }) => Math.floor(at)),
      ),
    ),
  ].toSorted((a, b) => a - b)
  const spans: FaultSpan[] = []
  for (const at of active) {
    const before = spans.at(-1)
    if (before !== undefined && at - before.to <= 1) spans[spans.length - 1] = { ...before, to: at + 1 }
    else spans.push({ name: 'fault', from: at, to: at + 1 })
  }
  return spans
}
