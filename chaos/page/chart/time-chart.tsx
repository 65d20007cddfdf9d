import type { JSX, RefObject } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import { clock } from '../../src/report/readable.ts'
import { DataTable } from './data-table.tsx'
import { indexAt, type FaultSpan, type Line } from './line.ts'
import { AXIS_PX, LABEL_PX, MARGIN_PX, plot, plotData, TIME_AXIS_PX } from './plot.ts'
import { useTimeView, type SharedTime, type TimeView } from './shared-time.ts'
import { Swatch } from './swatch.tsx'
import { useThemeVersion } from './theme.ts'

export interface TimeChartProps {
  readonly title: string
  /** What it shows and what to look for, where the title does not say it. */
  readonly note?: string
  /** Seconds, rising. */
  readonly x: readonly number[]
  readonly lines: readonly Line[]
  readonly kind?: 'lines' | 'stack'
  readonly scale?: 'linear' | 'log'
  readonly faults: readonly FaultSpan[]
  /** With its unit, as in the legend; and short, as on the axis. */
  readonly format: (value: number) => string
  readonly axisFormat?: (value: number) => string
  /** Distances between the ticks of the value axis. Defaults to 1, 2, 2.5 and 5 times powers of ten. */
  readonly steps?: readonly number[]
  readonly shared: SharedTime
  readonly height?: number
  readonly atLeast?: number
}

/**
 * A chart over time: the only one of these pages. Its cursor is a slider for mouse, touch and keyboard, common to all
 * charts that share a time; what it points at stands in the legend. The figures are below it as a table.
 */
export function TimeChart(props: TimeChartProps): JSX.Element {
  const { title, note, x, lines, format, faults, shared } = props
  const view = useTimeView(shared)
  const id = useId()
  const area = useRef<HTMLDivElement>(null)
  const at = view.at === undefined ? undefined : indexAt(x, view.at)
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <h4 id={id}>{title}</h4>
        {note === undefined ? null : <p class="note">{note}</p>}
        <Legend lines={lines} format={format} index={at} />
      </figcaption>
      <div
        class="plot-row"
        onPointerMove={event => {
          const moment = momentUnder(event.clientX, area.current, view)
          if (moment !== undefined) shared.point(moment)
        }}
        onPointerLeave={() => shared.point(undefined)}
      >
        <Canvas {...props} view={view} />
        <Cursor {...props} view={view} area={area} />
      </div>
      <DataTable x={x} lines={lines} format={format} faults={faults} caption={title} />
    </figure>
  )
}

interface LegendProps extends Pick<TimeChartProps, 'lines' | 'format'> {
  readonly index: number | undefined
}

function Legend({ lines, format, index }: LegendProps): JSX.Element {
  return (
    <ul class="legend">
      {lines.map(line => (
        <li key={line.label}>
          <Swatch colour={line.colour} dash={line.dash} />
          <span>{line.label}</span>
          <output class="figure">{valueAt(line, index, format)}</output>
        </li>
      ))}
    </ul>
  )
}

function valueAt(line: Line, index: number | undefined, format: (value: number) => string): string {
  if (index === undefined) return ''
  const value = line.values[index]
  return value === null || value === undefined ? '–' : format(value)
}

function Canvas(props: TimeChartProps & { readonly view: TimeView }): JSX.Element {
  const { x, lines, kind = 'lines', scale = 'linear', faults, format, view, shared, height = 170 } = props
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot>(undefined)
  const latest = useRef(faults)
  latest.current = faults
  const theme = useThemeVersion()
  const [width, setWidth] = useState(0)
  // Whatever a plot is made of; its data come afterwards, once a second on a live page.
  const shape = JSON.stringify([lines.map(line => [line.label, line.colour, line.dash]), kind, scale, height])

  useEffect(() => {
    if (host.current === null) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(host.current)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    if (host.current === null || width === 0) return
    const { atLeast, steps } = props
    const axisFormat = props.axisFormat ?? format
    const onZoom = (from: number, to: number): void => shared.zoom({ from, to })
    chart.current = plot(host.current, width, {
      lines,
      kind,
      scale,
      faults: () => latest.current,
      format: axisFormat,
      height,
      onZoom,
      ...(atLeast === undefined ? {} : { atLeast }),
      ...(steps === undefined ? {} : { steps }),
    })
    return () => {
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [width, theme, shape])

  useEffect(() => {
    chart.current?.setData(plotData(x, lines, kind, scale), false)
    chart.current?.setScale('x', { min: view.from, max: view.to })
  }, [x, lines, faults, view.from, view.to, width, theme, shape])

  return <div class="plot" ref={host} style={{ height: `${height}px` }} aria-hidden="true" />
}

function momentUnder(clientX: number, area: HTMLElement | null, { from, to }: TimeView): number | undefined {
  const box = area?.getBoundingClientRect()
  if (box === undefined || box.width === 0) return undefined
  return from + Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * (to - from)
}

interface CursorProps extends TimeChartProps {
  readonly view: TimeView
  readonly area: RefObject<HTMLDivElement | null>
}

/**
 * The cursor over the plot: `slider` is the role whose keys and announcements fit. It lets the mouse through to the plot,
 * where a drag chooses a span.
 */
function Cursor({ title, x, lines, faults, format, shared, view, area }: CursorProps): JSX.Element {
  const length = view.to - view.from
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = afterKey(event.key, view, x)
    if (next === 'leave') return
    event.preventDefault()
    shared.point(next)
  }
  const index = view.at === undefined ? undefined : indexAt(x, view.at)
  const moment = index === undefined ? view.from : (x[index] ?? view.from)
  return (
    <div
      ref={area}
      class="cursor-area"
      style={{
        left: `${AXIS_PX}px`,
        right: `${MARGIN_PX}px`,
        top: `${LABEL_PX}px`,
        bottom: `${TIME_AXIS_PX}px`,
      }}
      role="slider"
      tabIndex={0}
      aria-label={`Moment in: ${title}`}
      aria-valuemin={Math.floor(view.from)}
      aria-valuemax={Math.ceil(view.to)}
      aria-valuenow={Math.round(moment)}
      aria-valuetext={
        index === undefined ? 'No moment chosen' : describe(moment, index, lines, faults, format)
      }
      onKeyDown={onKeyDown}
      onBlur={() => shared.point(undefined)}
    >
      {view.at === undefined || index === undefined ? null : (
        <span class="cursor" style={{ left: `${((moment - view.from) / length) * 100}%` }}>
          <span class={(moment - view.from) / length > 0.8 ? 'moment before' : 'moment'}>
            {clock(moment)}
          </span>
        </span>
      )}
    </div>
  )
}

function afterKey(
  key: string,
  { at, from, to }: TimeView,
  x: readonly number[],
): number | undefined | 'leave' {
  const now = at ?? from
  const index = indexAt(x, now)
  const page = (to - from) / 10
  const inside = (moment: number | undefined): number => Math.min(to, Math.max(from, moment ?? now))
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return inside(x[Math.max(0, index - 1)])
    case 'ArrowRight':
    case 'ArrowUp':
      return inside(at === undefined ? x[index] : x[Math.min(x.length - 1, index + 1)])
    case 'PageDown':
      return inside(now - page)
    case 'PageUp':
      return inside(now + page)
    case 'Home':
      return from
    case 'End':
      return to
    case 'Escape':
      return undefined
    default:
      return 'leave'
  }
}

function describe(
  moment: number,
  index: number,
  lines: readonly Line[],
  faults: readonly FaultSpan[],
  format: (value: number) => string,
): string {
  const fault = faults.find(({ from, to }) => moment >= from && moment <= to)
  const values = lines.map(line => `${line.label} ${valueAt(line, index, format)}`)
  return [clock(moment), ...(fault === undefined ? [] : [`during ${fault.name}`]), ...values].join(', ')
}
