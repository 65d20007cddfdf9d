import type { Advice, OutageInputs } from '../advise/index.ts'
import type { AdviseReport } from './advise.ts'
import { table } from './table.ts'

/** The advice as text for a terminal: the answer first, then why, then what to take. */
export function adviceText({ advice, availability, cost }: AdviseReport): string {
  const isNo = advice.answer === 'do-not'
  const paragraphs = [
    `${advice.sentence}\n`,
    advice.reasons
      .map(reason => `  for ${reason.for === 'rest' ? 'REST ' : 'a log'}  ${reason.text}\n`)
      .join(''),
    isNo ? '' : `${advice.begin}\n`,
    availability === undefined ? '' : availabilityText(availability),
    advice.hops === undefined
      ? ''
      : `Each hop costs 10 to 100 ms (published): ${advice.hops.from} to ${advice.hops.to} ms for the whole chain.\n`,
    cost === undefined ? '' : costText(cost),
    isNo ? '' : optionsText(advice),
    advice.answer === 'log' ? '' : alternativesText(advice),
    'Measure instead of believing: holdfast chaos run. Where each of them is better: docs/choose.md\n',
  ]
  return paragraphs.filter(text => text !== '').join('\n')
}

function optionsText({ options }: Advice): string {
  const rows = options.map(({ name, people, dollarsAMonth, note }) => [
    name,
    range(people),
    range(dollarsAMonth),
    note,
  ])
  return `Logs (people and prices as published, not measured here):\n${table(['log', 'platform people', '$ a month', ''], rows)}`
}

function alternativesText({ alternatives }: Advice): string {
  const rows = alternatives.map(({ name, replay, order, operations, cost }) => [
    name,
    replay,
    order,
    operations,
    cost,
  ])
  return `Instead of a log:\n${table(['', 'replay', 'order', 'operations', 'cost'], rows)}`
}

function availabilityText({
  services,
  each,
  chain,
  chainDaysAway,
  logOnlyDaysAway,
}: NonNullable<AdviseReport['availability']>): string {
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`
  return table(
    ['on the path', 'available', 'away a year'],
    [
      [`${services} services at ${percent(each)} each`, percent(chain), `${chainDaysAway.toFixed(1)} days`],
      ['only a log of the same', percent(each), `${logOnlyDaysAway.toFixed(1)} days`],
    ],
  )
}

const names: Readonly<Record<keyof OutageInputs, string>> = {
  requestsPerSecond: 'requests a second',
  valuePerRequest: 'value of one',
  outageSeconds: 'seconds',
  refusedShare: 'share refused',
  outagesPerYear: 'outages a year',
}

function costText({
  inputs,
  published,
  refusedRequests,
  perOutage,
  perYear,
}: NonNullable<AdviseReport['cost']>): string {
  const sum = `${thousands(inputs.requestsPerSecond)}/s × $${inputs.valuePerRequest} × ${thousands(inputs.outageSeconds)} s × ${inputs.refusedShare * 100} %`
  const taken =
    published.length === 0
      ? ''
      : `Taken from the published example, for want of yours: ${published.map(name => names[name]).join(', ')}.\n`
  return (
    `An outage: ${sum} = ${thousands(refusedRequests)} refused, $${thousands(perOutage)}; ` +
    `× ${inputs.outagesPerYear} a year = $${thousands(perYear)}\n${taken}`
  )
}

function range(values: readonly [number, number] | undefined): string {
  return values === undefined ? '-' : `${thousands(values[0])} to ${thousands(values[1])}`
}

function thousands(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 })
}
