import type { JSX } from 'preact'
import { clock } from '../../src/report/readable.ts'
import { indexAt } from './line.ts'
import { AXIS_PX, MARGIN_PX } from './plot.ts'
import { useTimeView, type SharedTime } from './shared-time.ts'

export interface StateRow {
  readonly label: string
  readonly states: readonly (string | null)[]
}

interface Span {
  readonly state: string
  readonly from: number
  readonly to: number
}

/** Which state something was in, over the same time as the charts: one bar for each row. */
export function StateStrip({
  title,
  note,
  x,
  rows,
  shared,
}: {
  readonly title: string
  readonly note: string
  readonly x: readonly number[]
  readonly rows: readonly StateRow[]
  readonly shared: SharedTime
}): JSX.Element {
  const view = useTimeView(shared)
  const percent = (at: number): number => ((at - view.from) / (view.to - view.from)) * 100
  const clamp = (value: number): number => Math.min(100, Math.max(0, value))
  const index = view.at === undefined ? undefined : indexAt(x, view.at)
  return (
    <figure class="chart">
      <figcaption>
        <h4>{title}</h4>
        <p class="note">{note}</p>
        <ul class="legend">
          {['CLOSED', 'HALF_OPEN', 'OPEN'].map(state => (
            <li key={state}>
              <span class={`state-swatch state-${state}`} aria-hidden="true" />
              {words(state)}
            </li>
          ))}
        </ul>
      </figcaption>
      {rows.map(row => (
        <div class="strip-row" key={row.label}>
          <p class="strip-label">
            {row.label}{' '}
            <span class="figure">{index === undefined ? '' : words(row.states[index] ?? null)}</span>
          </p>
          <div
            class="strip"
            style={{ marginLeft: `${AXIS_PX}px`, marginRight: `${MARGIN_PX}px` }}
            aria-hidden="true"
          >
            {spansOf(x, row.states).map(({ state, from, to }) => {
              const left = clamp(percent(from))
              return (
                <span
                  key={from}
                  class={`state-${state}`}
                  style={{ left: `${left}%`, width: `${clamp(percent(to)) - left}%` }}
                />
              )
            })}
            {view.at === undefined ? null : <span class="cursor" style={{ left: `${percent(view.at)}%` }} />}
          </div>
          <p class="unseen">{`${row.label}: ${spansOf(x, row.states)
            .map(({ state, from, to }) => `${words(state)} from ${clock(from)} to ${clock(to)}`)
            .join(', ')}`}</p>
        </div>
      ))}
    </figure>
  )
}

function words(state: string | null): string {
  return state === null ? '–' : state.toLowerCase().replace('_', ' ')
}

function spansOf(x: readonly number[], states: readonly (string | null)[]): Span[] {
  const spans: Span[] = []
  const step = (x[1] ?? 1) - (x[0] ?? 0)
  for (const [index, state] of states.entries()) {
    const from = x[index] ?? 0
    const to = x[index + 1] ?? from + step
    const before = spans.at(-1)
    if (state === null) continue
    if (before !== undefined && before.state === state && before.to === from) {
      spans[spans.length - 1] = { ...before, to }
    } else spans.push({ state, from, to })
  }
  return spans
}
