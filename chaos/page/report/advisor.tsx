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

/** Whether a log is the right thing at all. It can say no. */
export function Advisor(): JSX.Element {
  const [situation, setSituation] = useState<Situation>({ rate: 200, consumers: 1, team: 6 })
  const advice = adviseOn(situation)
  const set = (part: Situation): void => setSituation({ ...situation, ...part })
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
          value={situation.rate ?? 0}
          step="1"
          origin="yours"
          onChange={rate => set({ rate })}
        />
        <NumberField
          label="Readers of one event"
          value={situation.consumers ?? 1}
          step="1"
          origin="yours"
          onChange={consumers => set({ consumers })}
        />
        <NumberField
          label="Engineers"
          value={situation.team ?? 0}
          step="1"
          origin="yours"
          onChange={team => set({ team })}
        />
      </div>
      <fieldset>
        <legend>What is so</legend>
        <Choice
          label="Whoever writes must read it at once"
          onChange={on => set({ consistency: on ? 'strong' : 'eventual' })}
        />
        <Choice
          label="The result itself is needed within 10 ms"
          onChange={on => set({ answerWithinMs: on ? 10 : 1_000 })}
        />
        <Choice
          label="Customers must not see that a service is down"
          onChange={hideFailures => set({ hideFailures })}
        />
        <Choice label="It is a monolith" onChange={monolith => set({ monolith })} />
        <Choice
          label="Little operations skill"
          onChange={on => set({ operations: on ? 'little' : 'some' })}
        />
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

function Choice({
  label,
  onChange,
}: {
  readonly label: string
  readonly onChange: (on: boolean) => void
}): JSX.Element {
  return (
    <label class="choice">
      <input type="checkbox" onChange={event => onChange(event.currentTarget.checked)} /> {label}
    </label>
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
