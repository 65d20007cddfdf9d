import { alternatives, logOptions, type Alternative, type LogOption } from './options.ts'

/** What is known of a system. Everything may be left out; what is not known decides nothing. */
export interface Situation {
  /** Requests a second at the peak. */
  readonly rate?: number
  /** Who wants to read the same event. */
  readonly consumers?: number
  readonly consistency?: 'strong' | 'eventual'
  /** Milliseconds in which the caller needs the result itself, not only a receipt. */
  readonly answerWithinMs?: number
  readonly monolith?: boolean
  /** Whether a service that is down must not be seen by customers. */
  readonly hideFailures?: boolean
  readonly operations?: 'little' | 'some' | 'platform'
  /** Engineers altogether. */
  readonly team?: number
  /** Services that answer one after another in a chain. */
  readonly services?: number
  /** Dollars that outages cost a year, as `outageCost` says. */
  readonly outageCostPerYear?: number
}

export interface Reason {
  readonly for: 'rest' | 'log'
  readonly text: string
  /** Decides on its own: nothing on the other side outweighs it. */
  readonly decides: boolean
}

export interface Advice {
  readonly answer: 'do-not' | 'log' | 'price-decides' | 'ask-more'
  readonly sentence: string
  readonly reasons: readonly Reason[]
  /** How to begin, when it is a log. */
  readonly begin: string
  /** What the chain of hops adds, when `services` is given. Milliseconds. */
  readonly hops?: { readonly from: number; readonly to: number }
  readonly options: readonly LogOption[]
  readonly alternatives: readonly Alternative[]
}

/** The published thresholds: below the first REST is enough, above the second a log pays. */
const REST_BELOW = 100
const LOG_ABOVE = 1_000
const ANSWER_MS = 10
const SMALL_TEAM = 5
/** What each hop of a synchronous chain costs, as published. */
const HOP_MS: readonly [number, number] = [10, 100]

/** REST, a log, or neither for sure. All thresholds are published ones. */
export function adviseOn(situation: Situation): Advice {
  const reasons = [...reasonsForRest(situation), ...reasonsForLog(situation)]
  const options = optionsFor(situation)
  return {
    ...answerOf(situation, reasons),
    reasons,
    begin: beginning(situation),
    ...(situation.services === undefined
      ? {}
      : { hops: { from: HOP_MS[0] * situation.services, to: HOP_MS[1] * situation.services } }),
    options,
    alternatives,
  }
}

function answerOf(situation: Situation, reasons: readonly Reason[]): Pick<Advice, 'answer' | 'sentence'> {
  const rest = reasons.filter(reason => reason.for === 'rest')
  const log = reasons.filter(reason => reason.for === 'log')
  if (rest.some(reason => reason.decides))
    return {
      answer: 'do-not',
      sentence:
        'Do not put a log on this path: the caller needs the result itself, and a log gives a receipt.',
    }
  if (reasons.length === 0)
    return {
      answer: 'ask-more',
      sentence: 'Nothing given decides: say more of the rate, readers, team or consistency.',
    }
  if (log.length === 0)
    return {
      answer: 'do-not',
      sentence: 'Do not: REST is enough here, and a table as queue where work may wait.',
    }
  if (rest.length === 0) return { answer: 'log', sentence: 'A log fits: reasons for it, and none against.' }
  return priceOf(situation)
}

/** Reasons on both sides: what a failure costs decides. */
function priceOf({ outageCostPerYear }: Situation): Pick<Advice, 'answer' | 'sentence'> {
  const cheapest = Math.min(...logOptions.flatMap(({ dollarsAMonth }) => dollarsAMonth?.[0] ?? [])) * 12
  if (outageCostPerYear === undefined)
    return {
      answer: 'price-decides',
      sentence:
        'There are reasons on both sides: what an outage costs you decides (--value, --outage, --refused, --outages).',
    }
  if (outageCostPerYear < cheapest)
    return {
      answer: 'do-not',
      sentence: `Do not: outages cost less a year than the cheapest broker ($${cheapest.toLocaleString('en-US')} a year, published, without people).`,
    }
  return {
    answer: 'log',
    sentence: `A log may pay: outages cost more a year than the cheapest broker ($${cheapest.toLocaleString('en-US')}, published). People come on top.`,
  }
}

function reasonsForRest({ rate, consistency, answerWithinMs, monolith, operations }: Situation): Reason[] {
  const reason = (holds: boolean, text: string, decides = false): Reason[] =>
    holds ? [{ for: 'rest', text, decides }] : []
  return [
    ...reason(consistency === 'strong', 'strong consistency: whoever writes must read it at once', true),
    ...reason(
      answerWithinMs !== undefined && answerWithinMs <= ANSWER_MS,
      `the result is needed within ${ANSWER_MS} ms`,
      true,
    ),
    ...reason(rate !== undefined && rate < REST_BELOW, `fewer than ${REST_BELOW} requests a second`),
    ...reason(monolith === true, 'a monolith: there is no chain to take apart'),
    ...reason(operations === 'little', 'little operations skill'),
  ]
}

function reasonsForLog({ rate, consumers, consistency, hideFailures }: Situation): Reason[] {
  const reason = (holds: boolean, text: string): Reason[] =>
    holds ? [{ for: 'log', text, decides: false }] : []
  return [
    ...reason(
      rate !== undefined && rate > LOG_ABOVE,
      `more than ${LOG_ABOVE.toLocaleString('en-US')} requests a second`,
    ),
    ...reason(hideFailures === true, 'customers must not see that a service is down'),
    ...reason(consumers !== undefined && consumers > 1, `${consumers} readers of the same event`),
    ...reason(consistency === 'eventual', 'eventual consistency is accepted'),
  ]
}

function beginning({ team, operations }: Situation): string {
  if (team !== undefined && team < SMALL_TEAM)
    return `Fewer than ${SMALL_TEAM} engineers: begin embedded, or take a managed queue. Run no broker.`
  if (operations === 'platform')
    return 'With a platform team: begin embedded, move to a broker when one machine is too little.'
  return 'Begin embedded. Take a managed broker before you run one of your own.'
}

/** A team that is too small for its people is not shown a broker that would take half of them. */
function optionsFor({ team }: Situation): readonly LogOption[] {
  return team === undefined
    ? logOptions
    : logOptions.filter(({ people }) => people === undefined || people[0] * 2 <= team)
}
