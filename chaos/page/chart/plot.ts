import uPlot from 'uplot'
import { clock } from '../../src/report/readable.ts'
import { resolveColour } from './theme.ts'
import type { FaultSpan, Line } from './line.ts'

export interface PlotOptions {
  readonly lines: readonly Line[]
  /** `stack`: areas on top of each other, the first at the bottom. */
  readonly kind: 'lines' | 'stack'
  readonly scale: 'linear' | 'log'
  /** Asked at every drawing: while a run lasts, its fault grows. */
  readonly faults: () => readonly FaultSpan[]
  readonly format: (value: number) => string
  /** Distances between ticks that read well, where powers of ten do not, as for times and bytes. */
  readonly steps?: readonly number[]
  readonly height: number
  /** The largest value that the axis must hold, so that charts side by side have one scale. */
  readonly atLeast?: number
  readonly onZoom: (from: number, to: number) => void
}

/** Width of the axis and of the margin at the right: the same in every chart, so that moments stand below each other. */
export const AXIS_PX: number = 58
export const MARGIN_PX: number = 16
const TICK_ROOM_PX = 64
export const TIME_STEPS: readonly number[] = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
]
/** Whole things have no halves. */
export const COUNT_STEPS: readonly number[] = Array.from({ length: 10 }, (_, digits) =>
  [1, 2, 5].map(step => step * 10 ** digits),
).flat()
const MIB = 1024 ** 2
export const BYTE_STEPS: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1024, 2048, 5120, 10_240,
].map(mib => mib * MIB)
/** Above the plot, for the names of faults. */
export const LABEL_PX: number = 18
export const TIME_AXIS_PX: number = 26

/** The canvas of a chart. Colours are resolved now: a new theme needs a new plot. */
export function plot(host: HTMLElement, width: number, options: PlotOptions): uPlot {
  const ink = resolveColour('--ink-soft')
  const grid = { stroke: resolveColour('--grid'), width: 1 }
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: '12px system-ui, sans-serif' }
  return new uPlot(
    {
      width,
      height: options.height,
      padding: [LABEL_PX, MARGIN_PX, 0, 0],
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
          size: TIME_AXIS_PX,
          space: TICK_ROOM_PX,
          incrs: [...TIME_STEPS],
          values: (_, moments) => moments.map(clock),
        },
        {
          ...axis,
          size: AXIS_PX,
          space: 28,
          ...(options.steps === undefined ? {} : { incrs: [...options.steps] }),
          values: (_, values) => values.map(value => (value === null ? '' : options.format(value))),
          ...(options.scale === 'log'
            ? {
                filter: decadesOnly,
                grid: { ...grid, filter: decadesOnly },
                ticks: { ...grid, size: 4, filter: decadesOnly },
              }
            : {}),
        },
      ],
      series: [{}, ...drawnSeries(options)],
      hooks: {
        drawClear: [chart => shadeFaults(chart, options.faults())],
        draw: [chart => markFaults(chart, options.faults())],
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
    return {
      label: line.label,
      stroke: resolveColour(line.colour),
      fill: resolveColour(`${line.colour}-fill`),
      width: 1.5,
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
  return { range: (_, __, max) => [0, (Math.max(max ?? 0, atLeast) || 1) * 1.08] }
}

function decadesOnly(_: uPlot, splits: number[]): (number | null)[] {
  return splits.map(value => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null))
}

/** Below everything: the span. */
function shadeFaults(chart: uPlot, faults: readonly FaultSpan[]): void {
  const { top, height } = chart.bbox
  inPlot(chart, () => {
    chart.ctx.fillStyle = resolveColour('--fault')
    for (const { from, to } of faultsOnCanvas(chart, faults)) chart.ctx.fillRect(from, top, to - from, height)
  })
}

/** Above everything: where it began and ended, which areas would hide, and its name where there is room. */
function markFaults(chart: uPlot, faults: readonly FaultSpan[]): void {
  const { ctx, bbox } = chart
  const scale = devicePixelRatio
  inPlot(chart, () => {
    ctx.fillStyle = resolveColour('--fault-edge')
    for (const { from, to } of faultsOnCanvas(chart, faults)) {
      ctx.fillRect(from, bbox.top, 1.5 * scale, bbox.height)
      ctx.fillRect(to - 1.5 * scale, bbox.top, 1.5 * scale, bbox.height)
    }
  })
  ctx.save()
  ctx.fillStyle = resolveColour('--fault-ink')
  ctx.font = `${11.5 * scale}px system-ui, sans-serif`
  ctx.textAlign = 'left'
  ctx.textBaseline = 'bottom'
  let free = bbox.left
  for (const { name, from, to } of faultsOnCanvas(chart, faults)) {
    if (to < bbox.left || from > bbox.left + bbox.width) continue
    const start = Math.max(from, bbox.left)
    const room = ctx.measureText(name).width
    if (start < free || start + room > bbox.left + bbox.width) continue
    ctx.fillText(name, start, bbox.top - 3 * scale)
    free = start + room + 8 * scale
  }
  ctx.restore()
}

function faultsOnCanvas(chart: uPlot, faults: readonly FaultSpan[]): FaultSpan[] {
  return faults.map(({ name, from, to }) => ({
    name,
    from: chart.valToPos(from, 'x', true),
    to: chart.valToPos(to, 'x', true),
  }))
}

function inPlot({ ctx, bbox }: uPlot, paint: () => void): void {
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  paint()
  ctx.restore()
}
