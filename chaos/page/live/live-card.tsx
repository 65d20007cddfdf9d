import { Fragment, type JSX } from 'preact'
import type { LiveArm, LiveEnd } from '../../src/live/live-state.ts'
import { count, seconds } from '../../src/report/readable.ts'
import type { Figure } from '../../src/report/verdict.ts'

const states: Readonly<Record<LiveArm['state'], string>> = {
  waiting: 'Its turn comes later',
  starting: 'Starting',
  running: 'Under load',
  draining: 'Working off what waits',
  audited: 'Audited by id',
}

/** The counters of one arm. What is lost nobody can say before the audit. */
export function LiveCard({
  arm,
  end,
}: {
  readonly arm: LiveArm
  readonly end?: LiveEnd['arms'][number]
}): JSX.Element {
  const last = arm.seconds.at(-1)
  const away = (last?.refused ?? 0) + (last?.unanswered ?? 0)
  const figures: readonly Figure[] = end?.figures ?? [
    { value: count(last?.accepted ?? 0), label: 'accepted', tone: 'plain' },
    { value: count(away), label: 'turned away', tone: away > 0 ? 'warn' : 'plain' },
    { value: '?', label: 'lost: audited at the end', tone: 'plain' },
  ]
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['rows', last?.rows === undefined ? undefined : count(last.rows)],
    ['waiting', last?.lag === undefined ? undefined : count(last.lag)],
    ['oldest', last?.lagSeconds === undefined ? undefined : seconds(last.lagSeconds)],
    ['breaker', last?.breaker?.toLowerCase().replace('_', ' ')],
  ]
  return (
    <article class={`card ${end?.outcome ?? ''}`}>
      <h2>{arm.title}</h2>
      <p class="outcome">
        {last?.faultActive === true && arm.state === 'running'
          ? 'Under load, the fault is on'
          : states[arm.state]}
      </p>
      <p class="sentence">
        {figures.map(({ value, label, tone }, index) => (
          <Fragment key={label}>
            {index === 0 ? '' : <span class="unseen"> · </span>}
            <span class={`part ${tone}`}>
              <b>{value}</b> {label}
            </span>
          </Fragment>
        ))}
      </p>
      <p class="card-facts">
        {facts
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => `${name} ${value}`)
          .join(' · ')}
      </p>
    </article>
  )
}
