import uPlot from 'uplot'
import { clock } from '../../src/report/readable.ts'
import { resolveColour } from './theme.ts'
import type { FaultSpan, Line } from './line.ts'

export interface PlotOptions {
  readonly lines: readonly Line[]
  /** `stack`: areas on top of each other, the first at the bottom. */
  readonly kind: 'lines' | 'stack'
  readonly scale: 'linear' | 'log'
  readonly faults: readonly FaultSpan[]
  readonly format: (value: number) => string
  readonly height: number
  /** The largest value that the axis must hold, so that charts side by side have one scale. */
  readonly atLeast?: number
  readonly onZoom: (from: number, to: number) => void
}

/** Width of the axis and of the margin at the right: the same in every chart, so that moments stand below each other. */
export const AXIS_PX: number = 58
export const MARGIN_PX: number = 12
const TICK_ROOM_PX = 64

/** The canvas of a chart. Colours are resolved now: a new theme needs a new plot. */
export function plot(host: HTMLElement, width: number, options: PlotOptions): uPlot {
  const ink = resolveColour('--ink-soft')
  const grid = { stroke: resolveColour('--grid'), width: 1 }
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: '12px system-ui, sans-serif' }
  return new uPlot(
    {
      width,
      height: options.height,
      padding: [8, MARGIN_PX, 0, 0],
      cursor: {
        show: true,
        x: false,
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
      },
      legend: { show: false },
      scales: { x: { time: false }, y: valueScale(options) },
      axes: [
        {
          ...axis,
          size: 30,
          space: TICK_ROOM_PX,
          incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400],
          values: (_, moments) => moments.map(clock),
        },
        {
          ...axis,
          size: AXIS_PX,
          space: 28,
          values: (_, values) => values.map(value => (value === null ? '' : options.format(value))),
          ...(options.scale === 'log' ? { filter: decadesOnly } : {}),
        },
      ],
      series: [{}, ...drawnSeries(options)],
      hooks: {
        drawClear: [chart => shadeFaults(chart, options.faults)],
        setSelect: [
          chart => {
            const { left, width } = chart.select
            if (width < 8) return
            options.onZoom(chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x'))
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          },
        ],
      },
    },
    undefined,
    host,
  )
}

/** What uPlot draws: lines as they are; a stack from the back to the front, so that each area covers the ones above it. */
export function plotData(
  x: readonly number[],
  lines: readonly Line[],
  kind: PlotOptions['kind'],
  scale: PlotOptions['scale'],
): uPlot.AlignedData {
  if (kind === 'lines') {
    // A logarithm has no zero.
    const shown = (value: number | null): number | null =>
      scale === 'log' && value !== null && value <= 0 ? null : value
    return [[...x], ...lines.map(line => line.values.map(shown))]
  }
  const sums = x.map(() => 0)
  const stacked = lines.map(line =>
    line.values.map((value, index) => (sums[index] = (sums[index] ?? 0) + (value ?? 0))),
  )
  return [[...x], ...stacked.toReversed()]
}

function drawnSeries({ lines, kind }: PlotOptions): uPlot.Series[] {
  if (kind === 'lines') {
    return lines.map(line => ({
      label: line.label,
      stroke: resolveColour(line.colour),
      width: 2,
      dash: [...line.dash],
      spanGaps: false,
      points: { show: false },
    }))
  }
  const stepped = uPlot.paths.stepped?.({ align: 1 })
  return lines.toReversed().map(line => {
    const colour = resolveColour(line.colour)
    return {
      label: line.label,
      stroke: colour,
      fill: colour,
      width: 0,
      points: { show: false },
      ...(stepped === undefined ? {} : { paths: stepped }),
    }
  })
}

function valueScale({ scale, atLeast = 0 }: PlotOptions): uPlot.Scale {
  if (scale === 'log')
    return {
      // The value behind uPlot.Scale.Distr.Logarithmic, which exists in its declarations only.
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
      distr: 3,
      range: (_, min, max) => {
        const from = 10 ** Math.floor(Math.log10(Math.max(0.1, Math.min(min ?? 1, 1))))
        const to = 10 ** Math.ceil(Math.log10(Math.max(max ?? 1, atLeast, from * 10)))
        return [from, to]
      },
    }
  // A range from 0: a line must not look steep because its axis begins just below it.
  return { range: (_, __, max) => [0, Math.max(max ?? 0, atLeast, 1) * 1.08] }
}

function decadesOnly(_: uPlot, splits: number[]): (number | null)[] {
  return splits.map(value => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null))
}

function shadeFaults(chart: uPlot, faults: readonly FaultSpan[]): void {
  const { ctx } = chart
  const { left, top, width, height } = chart.bbox
  const scale = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, height)
  ctx.clip()
  let labelledUntil = left
  for (const fault of faults) {
    const from = chart.valToPos(fault.from, 'x', true)
    const to = chart.valToPos(fault.to, 'x', true)
    ctx.fillStyle = resolveColour('--fault')
    ctx.fillRect(from, top, to - from, height)
    ctx.fillStyle = resolveColour('--fault-edge')
    ctx.fillRect(from, top, scale, height)
    ctx.fillRect(to - scale, top, scale, height)
    ctx.font = `${11 * scale}px system-ui, sans-serif`
    const room = ctx.measureText(fault.name).width + 8 * scale
    const start = Math.max(from, left)
    if (start < labelledUntil || start + room > left + width || room > to - from + 40 * scale) continue
    ctx.fillStyle = resolveColour('--fault-ink')
    ctx.textBaseline = 'top'
    ctx.fillText(fault.name, start + 4 * scale, top + 3 * scale)
    labelledUntil = start + room
  }
  ctx.restore()
}
