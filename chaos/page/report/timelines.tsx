import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { ArmResult } from '../../src/contract/result.ts'
import { bytes, count, millis, seconds, share, shortCount } from '../../src/report/readable.ts'
import type { ReportData } from '../../src/report/report-data.ts'
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
      <Outcomes arms={arms} common={common} />
      <h3>How long they waited</h3>
      <div class="charts">
        <Comparison
          {...common}
          arms={arms}
          measure="p99"
          title="Answer time, 99th percentile"
          note={fromDue}
          scale="log"
          format={millis}
        />
        <Comparison
          {...common}
          arms={arms}
          measure="p50"
          title="Answer time, median"
          note={fromDue}
          scale="log"
          format={millis}
        />
      </div>
      <h3>What became of it behind the door</h3>
      <div class="charts">
        <Comparison
          {...common}
          arms={arms}
          measure="rows"
          title="Rows in PostgreSQL"
          note="Gaps: nobody could be asked."
          format={count}
          axisFormat={shortCount}
        />
        <Comparison
          {...common}
          arms={arms}
          measure="lag"
          title="Waiting: events"
          note="Accepted and not yet done."
          format={count}
          axisFormat={shortCount}
        />
        <Comparison
          {...common}
          arms={arms}
          measure="lagSeconds"
          title="Waiting: age of the oldest"
          format={seconds}
        />
        <Comparison
          {...common}
          arms={arms}
          measure="retrying"
          title="Waiting for a retry"
          format={count}
          axisFormat={shortCount}
        />
        <Comparison
          {...common}
          arms={arms}
          measure="deadLetters"
          title="Dead letters"
          format={count}
          axisFormat={shortCount}
        />
        <Breakers arms={arms} {...common} />
      </div>
      <h3>What it cost the machine</h3>
      <div class="charts">
        <Comparison {...common} arms={arms} measure="cpu" title="CPU, share of one core" format={share} />
        <Comparison {...common} arms={arms} measure="rssBytes" title="Memory (RSS)" format={bytes} />
      </div>
    </section>
  )
}

const fromDue = 'From the moment an event was due, of all answers.'

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
    <div class="charts">
      {charts.map(({ arm, lines }) => (
        <TimeChart
          key={arm.name}
          {...common}
          title={arm.title}
          note="Events a second, by the second in which they were due."
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

interface ComparisonProps
  extends Common, Pick<TimeChartProps, 'title' | 'note' | 'scale' | 'format' | 'axisFormat'> {
  readonly arms: readonly ArmResult[]
  readonly measure: Measure
}

/** One measure of all arms that have it. */
function Comparison({ arms, measure, ...chart }: ComparisonProps): JSX.Element | null {
  const lines = useMemo(() => measureLines(arms, measure, chart.x), [arms, measure, chart.x])
  if (lines.length === 0) return null
  return <TimeChart {...chart} lines={lines} />
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
