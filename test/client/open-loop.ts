import { build, type Histogram } from 'hdr-histogram-js'
import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { openLedger } from './ledger-file.ts'
import { planOf, type Load, type PlannedEvent } from './plan.ts'
import { send, type Answer } from './send.ts'

/** What a run saw from outside. */
export interface Summary {
  /** When the schedule began, milliseconds since 1970: an event was due at this plus its `dueAt`. */
  readonly beganAt: number
  readonly planned: number
  readonly sent: number
  /** Due while too many requests were under way. They count as refused: a customer would have been turned away. */
  readonly unsent: number
  readonly accepted: number
  readonly refused: number
  readonly unanswered: number
  /** How often each status or error was seen, over all attempts. */
  readonly why: Readonly<Record<string, number>>
  /** Accepted events by what they survive, as the server said. */
  readonly durability: Readonly<Record<string, number>>
  /** From the moment an event was due, so that waiting for a slow server counts. */
  readonly acceptedMs: Percentiles
  readonly otherMs: Percentiles
  /** Seconds of the schedule in which an event was not accepted. */
  readonly errorSeconds: number
  /** The most that this client itself was behind its schedule. */
  readonly latestSendMs: number
}

interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Sends each event when it is due, whatever became of those before it. */
export async function openLoop(load: Load): Promise<Summary> {
  const plan = planOf(load)
  const ledger = openLedger(load.ledger, plan.length)
  // Kept open and bounded, as a proxy or a browser would: a flood of new connections would measure the kernel's
  // backlog. Waiting for a free one counts, since the clock runs from when the event was due.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS })
  const tally = new Tally(plan.length)
  const underWay = new Set<Promise<void>>()
  const start = performance.now()
  const now = (): number => performance.now() - start
  for (let next = 0; next < plan.length;) {
    const at = now()
    const due: PlannedEvent[] = []
    for (; (plan[next]?.dueAt ?? Infinity) <= at; next++) {
      const event = plan[next] as PlannedEvent
      if (underWay.size + due.length < (load.maxInFlight ?? 1_000)) due.push(event)
      else {
        ledger.unsent(event)
        tally.unsent(event)
      }
    }
    if (due.length > 0) ledger.sending(due, at)
    for (const event of due) {
      tally.sending(event, at)
      const sending = sendOne(load, agent, event, ledger, now).then(answer => {
        tally.answered(event, answer, now())
        underWay.delete(sending)
      })
      underWay.add(sending)
    }
    ledger.flush()
    await wait(Math.max(1, (plan[next]?.dueAt ?? 0) - now()))
  }
  await Promise.all(underWay)
  ledger.close()
  agent.destroy()
  return tally.summary(performance.timeOrigin + start)
}

const CONNECTIONS = 128

/** How long after a failed attempt the next one goes out, where retries are on. */
const RETRY_MS = 250

/** The best that is known of the event after its attempts. The first attempt is in the ledger already. */
async function sendOne(
  load: Load,
  agent: Agent,
  event: PlannedEvent,
  ledger: ReturnType<typeof openLedger>,
  now: () => number,
): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...load.headers }
  let known: Answer | undefined
  for (let attempt = 1; ; attempt++) {
    const { url, timeoutMs = 30_000 } = load
    const answer = await send({ url, headers, body: event.body, timeoutMs, agent })
    ledger.answered(event.id, answer, now())
    // Once one attempt may have been stored, a later refusal cannot take that back.
    if (answer.outcome !== 'refused' || known === undefined) known = answer
    if (answer.outcome === 'accepted' || attempt >= (load.attempts ?? 1)) return known
    await wait(RETRY_MS)
    ledger.sending([event], now())
  }
}

class Tally {
  readonly #counts = { sent: 0, unsent: 0, accepted: 0, refused: 0, unanswered: 0 }
  readonly #why: Record<string, number> = {}
  readonly #durability: Record<string, number> = {}
  readonly #accepted = microseconds()
  readonly #other = microseconds()
  readonly #badSeconds = new Set<number>()
  readonly #planned: number
  #latestSendMs = 0

  constructor(planned: number) {
    this.#planned = planned
  }

  unsent(event: PlannedEvent): void {
    this.#counts.unsent += 1
    this.#badSeconds.add(Math.floor(event.dueAt / 1000))
  }

  sending(event: PlannedEvent, at: number): void {
    this.#counts.sent += 1
    this.#latestSendMs = Math.max(this.#latestSendMs, at - event.dueAt)
  }

  answered(event: PlannedEvent, { outcome, why, durability = 'unsaid' }: Answer, at: number): void {
    if (outcome === 'accepted') this.#durability[durability] = (this.#durability[durability] ?? 0) + 1
    this.#counts[outcome] += 1
    this.#why[why] = (this.#why[why] ?? 0) + 1
    const histogram = outcome === 'accepted' ? this.#accepted : this.#other
    histogram.recordValue(Math.max(1, Math.round((at - event.dueAt) * 1000)))
    if (outcome !== 'accepted') this.#badSeconds.add(Math.floor(event.dueAt / 1000))
  }

  summary(beganAt: number): Summary {
    return {
      beganAt,
      planned: this.#planned,
      ...this.#counts,
      why: this.#why,
      durability: this.#durability,
      acceptedMs: percentiles(this.#accepted),
      otherMs: percentiles(this.#other),
      errorSeconds: this.#badSeconds.size,
      latestSendMs: Math.round(this.#latestSendMs),
    }
  }
}

/** Up to ten minutes, three digits. */
function microseconds(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  })
}

function percentiles(histogram: Histogram): Percentiles {
  const ms = (p: number): number =>
    histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(p) / 1000
  return { p50: ms(50), p95: ms(95), p99: ms(99), p999: ms(99.9), max: ms(100) }
}
