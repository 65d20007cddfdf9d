import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import type { Progress } from '../../src/contract/progress.ts'
import { afterProgress, isBroken, standingOf, type LiveState } from '../../src/live/live-state.ts'
import { clock } from '../../src/report/readable.ts'
import { sharedTime } from '../chart/shared-time.ts'
import { Icon, type IconName } from '../icon.tsx'
import { ThemeButton } from '../theme-button.tsx'
import { LiveCard } from './live-card.tsx'
import { LiveCharts } from './live-charts.tsx'

/** The experiment while it runs. Without a connection it keeps what it has and says so. */
export function Live({ source }: { readonly source: EventSource }): JSX.Element | null {
  const [state, setState] = useState<LiveState>()
  const [connected, setConnected] = useState(true)
  const shared = useMemo(() => sharedTime(1), [])
  // 1. The page connects. 2. The state comes, once. 3. An ordinary effect would begin to listen only after the next frame,
  // which may be too late. A layout effect runs before the script that connects has returned.
  useLayoutEffect(() => {
    const on = (
      name: string,
      change: (data: unknown, old: LiveState | undefined) => LiveState | undefined,
    ): void =>
      source.addEventListener(name, event => {
        setConnected(true)
        setState(old => change(JSON.parse((event as MessageEvent<string>).data), old))
      })
    on('state', data => data as LiveState)
    on('progress', (data, old) => old && afterProgress(old, data as Progress))
    source.addEventListener('open', () => setConnected(true))
    source.addEventListener('error', () => setConnected(false))
  }, [source])
  const ended = state?.ended !== undefined
  // Once it is over there is nothing to wait for, and the server goes away.
  useEffect(() => (ended ? source.close() : undefined), [ended, source])
  if (state === undefined) return null
  const last = Math.max(state.seconds, ...state.arms.map(arm => (arm.seconds.at(-1)?.at ?? 0) + 1))
  shared.extend(last)
  const standing = standingOf(state)
  const broken = state.ended === undefined && isBroken(state.arms)
  return (
    <>
      <header class="masthead">
        <div>
          <p class="eyebrow">Holdfast experiment, live</p>
          <ThemeButton />
        </div>
        <h1>{state.title}</h1>
        {state.mode === 'side-by-side' ? (
          <p class="soft">
            All arms run side by side on this machine: compare what they lose, not how fast they are.
          </p>
        ) : null}
      </header>
      <main>
        <p class={`verdict ${state.ended?.verdict.kind ?? (broken ? 'failed' : 'running')}`} role="status">
          <Icon name={iconOf(state, broken)} />
          <span>{standing}</span>
        </p>
        <Clock state={state} />
        {connected || ended ? null : (
          <p class="callout">The connection is lost. Trying again; what is below is the last that came.</p>
        )}
        {ended ? (
          <p class="report-link">
            <a href="/report">Open the report</a> with every check, timeline and figure. It stays at the path
            that the terminal names when this page is gone.
          </p>
        ) : null}
        <ul class="cards">
          {state.arms.map(arm => {
            const end = state.ended?.arms.find(({ name }) => name === arm.name)
            return (
              <li key={arm.name}>
                <LiveCard arm={arm} {...(end === undefined ? {} : { end })} />
              </li>
            )
          })}
        </ul>
        <LiveCharts state={state} shared={shared} />
        <section aria-labelledby="events-title">
          <h2 id="events-title">What happened</h2>
          <ol class="events">
            {state.events.toReversed().map(({ arm, event }) => (
              <li key={`${arm}${event.at}${event.text}`} class={`event-${event.kind}`}>
                <time>{clock(event.at)}</time> <span class="kind">{arm}</span> <span>{event.text}</span>
              </li>
            ))}
          </ol>
        </section>
      </main>
    </>
  )
}

function iconOf({ ended }: LiveState, broken: boolean): IconName {
  if (ended?.verdict.kind === 'held') return 'yes'
  if (ended?.verdict.kind === 'failed' || ended?.verdict.kind === 'unfit') return 'no'
  if (ended !== undefined) return 'pause'
  return broken ? 'warn' : 'run'
}

/** How far the load is; of the arm that is at it. */
function Clock({ state }: { readonly state: LiveState }): JSX.Element | null {
  const running = state.arms.filter(arm => arm.state === 'running')
  const at = Math.max(0, ...running.map(arm => (arm.seconds.at(-1)?.at ?? -1) + 1))
  if (running.length === 0 || state.seconds === 0) return null
  return (
    <p class="clock">
      <progress max={state.seconds} value={Math.min(at, state.seconds)} aria-label="How far the load is" />
      <span class="figure">
        {clock(at)} of {clock(state.seconds)}
      </span>
    </p>
  )
}
