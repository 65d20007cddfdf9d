import type { JSX } from 'preact'
import type { Result } from '../../src/contract/result.ts'
import { bytes, millis, seconds } from '../../src/report/readable.ts'
import type { ReportData } from '../../src/report/report-data.ts'

/** What the run does not show: as near to the reader as what it shows. */
export function Limits({ result }: { readonly result: Result }): JSX.Element {
  return (
    <section id="limits" aria-labelledby="limits-title">
      <h2 id="limits-title">What it does not show</h2>
      <ul class="prose">
        {result.limits.map(text => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </section>
  )
}

export function About({ data }: { readonly data: ReportData }): JSX.Element {
  const { result } = data
  const { environment: machine } = result
  const facts: readonly (readonly [string, string])[] = [
    ['Run', result.id],
    [
      'Began',
      new Date(result.startedAt)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z/, ' UTC'),
    ],
    [
      'Took',
      `${seconds((result.finishedAt - result.startedAt) / 1000)}${result.partial ? ', then it was interrupted' : ''}`,
    ],
    [
      'Arms',
      result.mode === 'sequence' ? 'one after another' : 'side by side: latencies are not to be compared',
    ],
    ['Seed', String(result.seed)],
    ['Holdfast', machine.holdfast],
    ['Node', machine.node],
    ['PostgreSQL', machine.postgres],
    ['System', machine.platform],
    ['Processor', `${machine.cpu}, ${machine.cores} cores`],
    ['Memory', bytes(machine.memoryBytes)],
    ['A synced write', `${millis(machine.fsyncMs)}, median`],
    ['Load before it began', machine.load.toFixed(1)],
  ]
  return (
    <section id="about" aria-labelledby="about-title">
      <h2 id="about-title">About this run</h2>
      <p>Run it again:</p>
      <pre tabIndex={0} role="region" aria-label="Command">
        <code>{result.command}</code>
      </pre>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">
        This file needs no network. Drawn from result.json; every event is in events.ndjson beside it.
      </p>
    </section>
  )
}
