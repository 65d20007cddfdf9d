import { Fragment, type JSX } from 'preact'
import type { ArmResult, Result } from '../../src/contract/result.ts'
import { count, share } from '../../src/report/readable.ts'
import {
  figuresOf,
  outcomeOf,
  verdictOf,
  type ArmOutcome,
  type VerdictKind,
} from '../../src/report/verdict.ts'
import { Icon, type IconName } from '../icon.tsx'

const icons: Readonly<Record<VerdictKind, IconName>> = {
  held: 'yes',
  failed: 'no',
  unfit: 'no',
  partial: 'pause',
  unchecked: 'pause',
}

const words: Readonly<Record<ArmOutcome, string>> = {
  well: 'Nobody turned away, nothing lost',
  away: 'Customers turned away',
  damaged: 'Data damaged',
  nothing: 'Nothing was sent',
}

/** The ten seconds that a manager has: did it hold, and one sentence for each arm. */
export function VerdictStrip({ result }: { readonly result: Result }): JSX.Element {
  const verdict = verdictOf(result)
  return (
    <section id="verdict" aria-labelledby="verdict-title">
      <h2 id="verdict-title" class={`verdict ${verdict.kind}`}>
        <Icon name={icons[verdict.kind]} />
        <span>{verdict.sentence}</span>
      </h2>
      <ul class="problems">
        {result.arms.flatMap(arm =>
          arm.problems.map(text => <li key={`${arm.name}${text}`}>{`${arm.title}: ${text}`}</li>),
        )}
      </ul>
      <ul class="cards">
        {result.arms.map(arm => (
          <li key={arm.name}>
            <Card arm={arm} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Card({ arm }: { readonly arm: ArmResult }): JSX.Element {
  const outcome = outcomeOf(arm)
  return (
    <article class={`card ${outcome}`}>
      <h3>{arm.title}</h3>
      <p class="outcome">
        <Icon
          name={
            outcome === 'well' ? 'yes' : outcome === 'nothing' ? 'pause' : outcome === 'away' ? 'warn' : 'no'
          }
        />
        {words[outcome]}
      </p>
      <p class="sentence">
        {figuresOf(arm).map(({ value, label, tone }, index) => (
          <Fragment key={label}>
            {index === 0 ? '' : <span class="unseen"> · </span>}
            <span class={`part ${tone}`}>
              <b>{value}</b> {label}
            </span>
          </Fragment>
        ))}
      </p>
      <Fate arm={arm} />
    </article>
  )
}

/** What became of every event that was planned, as one bar. */
function Fate({ arm: { counts } }: { readonly arm: ArmResult }): JSX.Element {
  const waiting = counts.dead + counts.pending
  const parts = [
    ['stored', counts.stored, 'stored'],
    ['waiting', waiting, 'dead letter or waiting'],
    ['lost', counts.lost, 'lost'],
    ['refused', counts.refused, 'refused'],
    ['unanswered', counts.unanswered, 'unanswered'],
    ['unsent', counts.unsent, 'never sent'],
  ] as const
  const shown = parts.filter(([, value]) => value > 0)
  return (
    <div class="fate">
      <div class="bar" aria-hidden="true">
        {shown.map(([name, value]) => (
          <span key={name} class={`fate-${name}`} style={{ flexGrow: value }} />
        ))}
      </div>
      <ul>
        {shown.map(([name, value, label]) => (
          <li key={name} title={count(value)}>
            <span class={`dot fate-${name}`} aria-hidden="true" />
            {label} {share(value / counts.planned)}
          </li>
        ))}
      </ul>
    </div>
  )
}
