import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { adviseOn, type Advice, type Situation } from 'holdfast/advise'
import { dollars } from '../../src/report/readable.ts'
import { Icon, type IconName } from '../icon.tsx'
import { Mark } from '../mark.tsx'
import { NumberField } from '../number-field.tsx'

const icons: Readonly<Record<Advice['answer'], IconName>> = {
  'do-not': 'no',
  log: 'yes',
  'price-decides': 'warn',
  'ask-more': 'pause',
}

/** What can be ticked, with what it says of a situation. */
const statements = {
  'Whoever writes must read it at once': { consistency: 'strong' },
  'Readers may see it a little later': { consistency: 'eventual' },
  'The result itself is needed within 10 ms': { answerWithinMs: 10 },
  'Customers must not see that a service is down': { hideFailures: true },
  'It is a monolith': { monolith: true },
  'Little operations skill': { operations: 'little' },
} as const satisfies Readonly<Record<string, Situation>>

type Statement = keyof typeof statements

/** Whether a log is the right thing at all. It can say no. */
export function Advisor(): JSX.Element {
  const [numbers, setNumbers] = useState({ rate: 200, consumers: 1, team: 6 })
  const [ticked, setTicked] = useState<ReadonlySet<Statement>>(new Set())
  // In the order of the list, turned around: who must read at once cannot also read later.
  const said = (Object.keys(statements) as Statement[]).filter(name => ticked.has(name)).toReversed()
  const advice = adviseOn(Object.assign({ ...numbers }, ...said.map(name => statements[name])) as Situation)
  const tick = (name: Statement, on: boolean): void =>
    setTicked(new Set([...ticked].filter(other => other !== name).concat(on ? [name] : [])))
  return (
    <section id="advice" aria-labelledby="advice-title">
      <h2 id="advice-title">Should you use a log at all?</h2>
      <p class="soft">
        Thresholds, team sizes and prices are <Mark origin="published" /> ones, not measured here. The same in
        a terminal: <code>holdfast advise</code>.
      </p>
      <div class="inputs">
        <NumberField
          label="Requests a second"
          value={numbers.rate}
          step="1"
          onChange={rate => setNumbers({ ...numbers, rate })}
        />
        <NumberField
          label="Readers of one event"
          value={numbers.consumers}
          step="1"
          onChange={consumers => setNumbers({ ...numbers, consumers })}
        />
        <NumberField
          label="Engineers"
          value={numbers.team}
          step="1"
          onChange={team => setNumbers({ ...numbers, team })}
        />
      </div>
      <fieldset>
        <legend>What is so</legend>
        {(Object.keys(statements) as Statement[]).map(name => (
          <label key={name} class="choice">
            <input
              type="checkbox"
              checked={ticked.has(name)}
              onChange={event => tick(name, event.currentTarget.checked)}
            />{' '}
            {name}
          </label>
        ))}
      </fieldset>
      <div aria-live="polite">
        <p class={`advice ${advice.answer}`}>
          <Icon name={icons[advice.answer]} />
          <b>{advice.sentence}</b>
        </p>
        <ul class="prose">
          {advice.reasons.map(reason => (
            <li key={reason.text}>
              for {reason.for === 'rest' ? 'REST' : 'a log'}: {reason.text}
            </li>
          ))}
          <li>{advice.begin}</li>
        </ul>
      </div>
      <Options advice={advice} />
    </section>
  )
}

function Options({ advice }: { readonly advice: Advice }): JSX.Element {
  const range = (values: readonly [number, number] | undefined, show: (value: number) => string): string =>
    values === undefined ? '–' : `${show(values[0])} – ${show(values[1])}`
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Logs, as published">
        <table>
          <caption>
            If it is a log <Mark origin="published" />
          </caption>
          <thead>
            <tr>
              {['Log', 'Platform people', 'A month', 'Remark'].map(name => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {advice.options.map(option => (
              <tr key={option.name}>
                <th scope="row">{option.name}</th>
                <td>{range(option.people, String)}</td>
                <td>{range(option.dollarsAMonth, dollars)}</td>
                <td class="soft">{option.note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Alternatives to a log">
        <table>
          <caption>If it is not</caption>
          <thead>
            <tr>
              {['Instead', 'Replay', 'Order', 'Operations', 'Cost', 'Of Holdfast still useful'].map(name => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {advice.alternatives.map(other => (
              <tr key={other.name}>
                <th scope="row">{other.name}</th>
                {[other.replay, other.order, other.operations, other.cost, other.stillUseful].map(
                  (text, index) => (
                    <td key={index}>{text}</td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
