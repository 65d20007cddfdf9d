import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import {
  chainAvailability,
  daysAwayAYear,
  notCounted,
  outageCost,
  publishedOutage,
  type OutageInputs,
} from 'holdfast/advise'
import { measuredOutage } from '../../src/business/refused-share.ts'
import type { ArmResult, Result } from '../../src/contract/result.ts'
import { count, dollars, seconds, share } from '../../src/report/readable.ts'
import { Mark, type Origin } from '../mark.tsx'
import { NumberField } from '../number-field.tsx'

type Edited = Partial<Record<keyof OutageInputs, number>>

/** What an outage costs, with every input in view: those that were measured, those that were published, and yours. */
export function Money({ result }: { readonly result: Result }): JSX.Element {
  const [edited, setEdited] = useState<Edited>({})
  const outages = result.arms.map(arm => ({ arm, measured: measuredOutage(arm) }))
  const known = outages.find(({ measured }) => measured !== undefined)?.measured
  const outageSeconds = known === undefined ? publishedOutage.outageSeconds : Math.round(known.seconds)
  const presets: OutageInputs = { ...publishedOutage, outageSeconds }
  const inputs: OutageInputs = { ...presets, ...edited }
  const origin = (name: keyof OutageInputs): Origin =>
    edited[name] !== undefined
      ? 'yours'
      : name === 'outageSeconds' && known !== undefined
        ? 'measured'
        : 'published'
  const field = (name: keyof OutageInputs, label: string, step: string): JSX.Element => (
    <NumberField
      label={label}
      value={inputs[name]}
      step={step}
      origin={origin(name)}
      onChange={value => setEdited({ ...edited, [name]: value })}
    />
  )
  return (
    <section id="money" aria-labelledby="money-title">
      <h2 id="money-title">What an outage costs</h2>
      <p class="soft">
        Requests a second × value × seconds × share refused. The share is what this run measured while the
        fault lasted; put your own figures in the fields.
      </p>
      <div class="inputs">
        {field('requestsPerSecond', 'Requests a second', '1')}
        {field('valuePerRequest', 'Value of one, $', 'any')}
        {field('outageSeconds', 'Outage, seconds', '1')}
        {field('outagesPerYear', 'Outages a year', '1')}
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Cost of outages">
        <table>
          <thead>
            <tr>
              <th scope="col">Case</th>
              <th scope="col" class="number">
                Share refused
              </th>
              <th scope="col" class="number">
                Requests refused
              </th>
              <th scope="col" class="number">
                One outage
              </th>
              <th scope="col" class="number">
                A year
              </th>
            </tr>
          </thead>
          <tbody>
            {outages.map(({ arm, measured }) =>
              measured === undefined ? null : (
                <CostRow
                  key={arm.name}
                  title={arm.title}
                  inputs={{ ...inputs, refusedShare: measured.refusedShare }}
                  origin="measured"
                  lost={arm.counts.lost}
                />
              ),
            )}
            <CostRow title="The published example" inputs={publishedOutage} origin="published" lost={0} />
          </tbody>
        </table>
      </div>
      <p class="soft">
        The published example: {count(publishedOutage.requestsPerSecond)}/s at{' '}
        {dollars(publishedOutage.valuePerRequest)}, {seconds(publishedOutage.outageSeconds)}, half refused,
        one a month. It was not measured here.
      </p>
      <h3>Not counted</h3>
      <ul class="prose">
        {notCounted.map(text => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <Availability />
    </section>
  )
}

function CostRow({
  title,
  inputs,
  origin,
  lost,
}: {
  readonly title: string
  readonly inputs: OutageInputs
  readonly origin: Origin
  readonly lost: ArmResult['counts']['lost']
}): JSX.Element {
  const cost = outageCost(inputs)
  return (
    <tr>
      <th scope="row">
        {title}
        {lost > 0 ? (
          <small>and {count(lost)} lost after they were accepted, which no error rate shows</small>
        ) : null}
      </th>
      <td class="number">
        {share(inputs.refusedShare)} <Mark origin={origin} />
      </td>
      <td class="number">{count(cost.refusedRequests)}</td>
      <td class="number">{dollars(cost.perOutage)}</td>
      <td class="number">
        <b>{dollars(cost.perYear)}</b>
      </td>
    </tr>
  )
}

/** A chain is up for the product of its links; with a log on the path, only the log has to be. */
function Availability(): JSX.Element {
  const [links, setLinks] = useState(4)
  const [percent, setPercent] = useState(99.9)
  const each = Math.min(1, Math.max(0, percent / 100))
  const chain = chainAvailability(each, Math.min(100, Math.max(1, links)))
  const origin = links === 4 && percent === 99.9 ? 'published' : 'yours'
  return (
    <>
      <h3>What a chain of services is worth</h3>
      <div class="inputs">
        <NumberField
          label="Services in the chain"
          value={links}
          step="1"
          origin={origin}
          onChange={setLinks}
        />
        <NumberField
          label="Availability of each, %"
          value={percent}
          step="any"
          origin={origin}
          onChange={setPercent}
        />
      </div>
      <p aria-live="polite">
        All of them together: <b>{(chain * 100).toFixed(2)} %</b>, away {daysAwayAYear(chain).toFixed(1)} days
        a year. With only a log of the same availability on the path: {percent} %, away{' '}
        {daysAwayAYear(each).toFixed(1)} days.
      </p>
    </>
  )
}
