import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ArmResult, FindingName } from '../../src/contract/result.ts'
import { clock, count, millis, plural, seconds } from '../../src/report/readable.ts'
import type { ReportData } from '../../src/report/report-data.ts'

/** For each arm: the sums, its faults as they were seen, its phases, answers, events and the first ids of each finding. */
export function ArmDetails({ data }: { readonly data: ReportData }): JSX.Element {
  const section = useRef<HTMLElement>(null)
  // Paper cannot be opened by a click.
  useEffect(() => {
    const open = (): void => section.current?.querySelectorAll('details').forEach(arm => (arm.open = true))
    addEventListener('beforeprint', open)
    return () => removeEventListener('beforeprint', open)
  }, [])
  return (
    <section ref={section} id="arms" aria-labelledby="arms-title">
      <h2 id="arms-title">Events and faults, arm by arm</h2>
      {data.leftOut === 0 ? null : (
        <p class="callout">
          {plural(data.leftOut, 'entry')} of long lists left out here; events.ndjson has all.
        </p>
      )}
      {data.result.arms.map((arm, index) => (
        <details key={arm.name} class="arm" open={index === 0}>
          <summary>
            <h3>{arm.title}</h3>
          </summary>
          <p>{arm.description}</p>
          <Flags flags={arm.flags} />
          <Sums counts={arm.counts} />
          <div class="columns">
            <Faults arm={arm} />
            <Answers arm={arm} />
            <EventList arm={arm} />
          </div>
          <Phases arm={arm} />
          <Findings arm={arm} />
        </details>
      ))}
    </section>
  )
}

function Flags({ flags }: Pick<ArmResult, 'flags'>): JSX.Element | null {
  const on = Object.entries(flags)
  if (on.length === 0) return null
  return (
    <dl class="pairs">
      {on.map(([name, meaning]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  )
}

/** The three sums that must close, with their figures. */
function Sums({ counts }: Pick<ArmResult, 'counts'>): JSX.Element {
  const sums = [
    ['planned', counts.planned, { sent: counts.sent, 'never sent': counts.unsent }],
    [
      'sent',
      counts.sent,
      { '2xx': counts.accepted, refused: counts.refused, 'no answer': counts.unanswered },
    ],
    [
      '2xx',
      counts.accepted,
      { stored: counts.stored, 'dead letters': counts.dead, waiting: counts.pending, lost: counts.lost },
    ],
  ] as const
  return (
    <ul class="sums">
      {sums.map(([name, total, parts]) => {
        const closes = Object.values(parts).reduce((sum, value) => sum + value, 0) === total
        return (
          <li key={name}>
            {`${count(total)} ${name} = `}
            {Object.entries(parts)
              .map(([part, value]) => `${count(value)} ${part}`)
              .join(' + ')}{' '}
            <b class={closes ? 'good' : 'bad'}>{closes ? 'closes' : 'does not close'}</b>
          </li>
        )
      })}
    </ul>
  )
}

function Faults({ arm: { faults } }: { readonly arm: ArmResult }): JSX.Element {
  return (
    <div>
      <h4>Faults, and how they were seen</h4>
      {faults.length === 0 ? <p class="soft">None was planned.</p> : null}
      {faults.map(fault => (
        <div key={`${fault.name}${fault.plannedAt}`} class="fault">
          <p>
            <b>{fault.name}</b>, {clock(fault.began)} to {clock(fault.ended)} (
            {seconds(fault.ended - fault.began)})
          </p>
          {fault.observed.length === 0 ? (
            <p class="bad">It was not seen, so it did not happen.</p>
          ) : (
            <ul>
              {fault.observed.map(text => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          )}
        </div>
      ))}
    </div>
  )
}

function Answers({ arm: { answers } }: { readonly arm: ArmResult }): JSX.Element {
  return (
    <div>
      <h4>Answers, over all attempts</h4>
      <dl class="pairs">
        {Object.entries(answers).map(([answer, times]) => (
          <div key={answer}>
            <dt>{answer}</dt>
            <dd>{count(times)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function EventList({ arm: { timeline } }: { readonly arm: ArmResult }): JSX.Element {
  return (
    <div>
      <h4>What happened when</h4>
      <ol class="events">
        {timeline.map(({ at, kind, text }) => (
          <li key={`${at}${text}`} class={`event-${kind}`}>
            <time>{clock(at)}</time> <span class="kind">{kind}</span> <span>{text}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}

function Phases({ arm }: { readonly arm: ArmResult }): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Phases of ${arm.title}`}>
      <table>
        <caption>Phases</caption>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">From, to</th>
            {['Planned/s', 'Sent', '2xx', 'Refused', 'No answer', 'Never sent', 'p50', 'p99', 'Slowest'].map(
              name => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {arm.phases.map(phase => (
            <tr key={`${phase.name}${phase.from}`}>
              <th scope="row">{phase.name}</th>
              <td>{`${clock(phase.from)} – ${clock(phase.to)}`}</td>
              {[phase.rate, phase.sent, phase.accepted, phase.refused, phase.unanswered, phase.unsent].map(
                (value, index) => (
                  <td key={index} class="number">
                    {count(value)}
                  </td>
                ),
              )}
              {[phase.latency.p50, phase.latency.p99, phase.latency.max].map((value, index) => (
                <td key={index} class="number">
                  {phase.latency.count === 0 ? '–' : millis(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const findings: Readonly<Record<FindingName, string>> = {
  lost: 'Lost',
  doubled: 'Doubled',
  ghosts: 'Ghosts',
  altered: 'Altered',
  inversions: 'Out of order',
  aggregates: 'Sums that differ',
}

function Findings({ arm }: { readonly arm: ArmResult }): JSX.Element {
  return (
    <>
      {(Object.keys(findings) as FindingName[])
        .filter(name => arm.examples[name].length > 0)
        .map(name => (
          <div key={name}>
            <h4>
              {findings[name]}: the first {arm.examples[name].length} of {count(arm.counts[name])}
            </h4>
            <p class="ids">
              {arm.examples[name].map(id => (
                <code key={id}>{id}</code>
              ))}
            </p>
          </div>
        ))}
    </>
  )
}
