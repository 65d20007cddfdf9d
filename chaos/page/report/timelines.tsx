import type { ComponentChildren, JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { ArmResult } from '../../src/contract/result.ts'
import { bytes, clock, count, millis, seconds, share, shortCount } from '../../src/report/readable.ts'
import type { ReportData } from '../../src/report/report-data.ts'
import type { Line } from '../chart/line.ts'
import { BYTE_STEPS, COUNT_STEPS, TIME_STEPS } from '../chart/plot.ts'
import type { SharedTime } from '../chart/shared-time.ts'
import { StateStrip } from '../chart/state-strip.tsx'
import { TimeChart, type TimeChartProps } from '../chart/time-chart.tsx'
import { alignArms, faultSpans, measureLines, outcomeLines, type Measure } from './lines.ts'

type Common = Pick<TimeChartProps, 'x' | 'faults' | 'shared'>

/** Everything over time, one below the other, with one cursor and one span. */
export function Timelines({
  data,
  shared,
}: {
  readonly data: ReportData
  readonly shared: SharedTime
}): JSX.Element {
  const { result, secondsPerPoint } = data
  const { arms } = result
  const x = useMemo(() => alignArms(arms), [arms])
  const faults = useMemo(() => faultSpans(arms), [arms])
  const common: Common = { x, faults, shared }
  return (
    <section id="timelines" aria-labelledby="timelines-title">
      <h2 id="timelines-title">What happened, second by second</h2>
      <p class="soft">
        Time since the load of each arm began;{' '}
        {result.mode === 'sequence' ? 'they ran one after another' : 'they ran side by side'}. The fault is
        shaded. Move over a chart, or focus it and use the arrow keys; drag to look closer.
        {secondsPerPoint === 1
          ? ''
          : ` Each point stands for ${seconds(secondsPerPoint)}: the average for counts, the worst for all else.`}
        {result.mode === 'sequence' ? '' : ' Latencies of arms that share a machine are not to be compared.'}
      </p>
      <p class="zoom no-print">
        <button type="button" onClick={() => shared.zoom()}>
          Whole run
        </button>
        {faults.map(fault => (
          <button key={`${fault.name}${fault.from}`} type="button" onClick={() => shared.zoom(around(fault))}>
            Around {fault.name}
          </button>
        ))}
      </p>
      <h3>What customers were answered</h3>
      <p class="soft">Events a second, by the second in which they were due. One scale for all.</p>
      <Outcomes arms={arms} common={common} />
      <Group title="How long they waited" charts={waiting} arms={arms} common={common} />
      <Group title="What became of it behind the door" charts={behind} arms={arms} common={common}>
        <Breakers arms={arms} {...common} />
      </Group>
      <Group title="What it cost the machine" charts={machine} arms={arms} common={common} />
    </section>
  )
}

interface MeasureChart extends Pick<
  TimeChartProps,
  'title' | 'note' | 'scale' | 'format' | 'axisFormat' | 'steps'
> {
  readonly measure: Measure
}

const fromDue = 'From the moment an event was due, of all answers.'

const waiting: readonly MeasureChart[] = [
  { measure: 'p99', title: 'Answer time, 99th percentile', note: fromDue, scale: 'log', format: millis },
  { measure: 'p50', title: 'Answer time, median', note: fromDue, scale: 'log', format: millis },
]

const counts = { format: count, axisFormat: shortCount, steps: COUNT_STEPS }

const behind: readonly MeasureChart[] = [
  { measure: 'rows', title: 'Rows in PostgreSQL', note: 'Gaps: nobody could be asked.', ...counts },
  { measure: 'lag', title: 'Waiting events', note: 'Accepted and not yet done.', ...counts },
  {
    measure: 'lagSeconds',
    title: 'Age of the oldest waiting event',
    format: seconds,
    axisFormat: clock,
    steps: TIME_STEPS,
  },
  { measure: 'retrying', title: 'Events waiting for a retry', ...counts },
  { measure: 'deadLetters', title: 'Dead letters', ...counts },
]

const machine: readonly MeasureChart[] = [
  { measure: 'cpu', title: 'CPU, share of one core', format: share },
  { measure: 'rssBytes', title: 'Memory (RSS)', format: bytes, steps: BYTE_STEPS },
]

interface GroupProps {
  readonly title: string
  readonly charts: readonly MeasureChart[]
  readonly arms: readonly ArmResult[]
  readonly common: Common
  readonly children?: ComponentChildren
}

/** Charts of one measure for all arms. What was never read is left out, and what was always 0 takes one line. */
function Group({ title, charts, arms, common, children }: GroupProps): JSX.Element | null {
  const drawn = useMemo(
    () =>
      charts
        .map(chart => ({ chart, lines: measureLines(arms, chart.measure, common.x) }))
        .filter(({ lines }) => lines.length > 0),
    [charts, arms, common.x],
  )
  const isFlat = (lines: readonly Line[]): boolean =>
    lines.every(line => line.values.every(value => value === 0 || value === null))
  const flat = drawn.filter(({ lines }) => isFlat(lines))
  if (drawn.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <div class="charts">
        {drawn
          .filter(({ lines }) => !isFlat(lines))
          .map(({ chart, lines }) => (
            <TimeChart key={chart.measure} {...common} {...chart} lines={lines} />
          ))}
        {children}
      </div>
      {flat.length === 0 ? null : (
        <p class="soft flat">
          None at any time, in any arm: {flat.map(({ chart }) => chart.title.toLowerCase()).join(', ')}.
        </p>
      )}
    </>
  )
}

function around({ from, to }: { readonly from: number; readonly to: number }): {
  readonly from: number
  readonly to: number
} {
  const margin = Math.max(3, (to - from) / 4)
  return { from: from - margin, to: to + margin }
}

function Outcomes({
  arms,
  common,
}: {
  readonly arms: readonly ArmResult[]
  readonly common: Common
}): JSX.Element {
  const charts = useMemo(
    () => arms.map(arm => ({ arm, lines: outcomeLines(arm, common.x) })),
    [arms, common.x],
  )
  const atLeast = Math.max(
    1,
    ...charts.flatMap(({ lines }) =>
      common.x.map((_, index) => lines.reduce((sum, { values }) => sum + (values[index] ?? 0), 0)),
    ),
  )
  return (
    <div class="charts narrow">
      {charts.map(({ arm, lines }) => (
        <TimeChart
          key={arm.name}
          {...common}
          title={arm.title}
          lines={lines}
          kind="stack"
          faults={faultSpans([arm])}
          format={value => `${shortCount(value)}/s`}
          axisFormat={shortCount}
          atLeast={atLeast}
          height={150}
        />
      ))}
    </div>
  )
}

function Breakers({ arms, x, shared }: Common & { readonly arms: readonly ArmResult[] }): JSX.Element | null {
  const rows = arms
    .filter(arm => arm.series.breaker.some(state => state !== null))
    .map(arm => ({ label: arm.title, states: arm.series.breaker }))
  if (rows.length === 0) return null
  return (
    <StateStrip
      title="Circuit breaker"
      note="Open: the dependency is left alone."
      x={x}
      rows={rows}
      shared={shared}
    />
  )
}
