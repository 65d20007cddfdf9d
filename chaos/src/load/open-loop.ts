import { setMaxListeners } from 'node:events'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import type { Target } from '../contract/arm.ts'
import { openLedger } from './ledger-file.ts'
import { seeded } from './random.ts'
import { eventsOf, plannedEvents, type PlannedEvent, type Schedule } from './schedule.ts'
import { send, type Answer } from './send.ts'

export interface OpenLoop {
  readonly schedule: Schedule
  readonly target: Pick<Target, 'url' | 'headers' | 'attempts'>
  readonly timeoutMs: number
  /** Requests under way at once; an event that is due above it is not sent. */
  readonly maxInFlight: number
  /** This loop sends every `of`-th event, beginning with event `index`. */
  readonly share: { readonly index: number; readonly of: number }
  readonly ledger: string
  /** Monotonic milliseconds, the same clock in all threads. */
  readonly now: () => number
  /** When the schedule begins, on that clock. */
  readonly startAt: number
  /** What is due later is not sent any more, and what is under way is cut. */
  readonly signal: AbortSignal
  readonly report: LoopReport
}

/** Hears of each event once, when nothing more will become of it. */
export interface LoopReport {
  sending(behindMs: number): void
  attempted(why: string): void
  ended(n: number, outcome: Answer['outcome'] | 'unsent', sinceDueMs: number, attempts: number): void
}

/**
 * Over all threads. Kept open, and more than the requests under way in all but the worst: those that wait for a connection here would be
 * half timed out when they reach the server, which would then work for nobody. Bounded, as file descriptors are.
 */
const CONNECTIONS = 1_024
const FIRST_RETRY_MS = 200

/** Sends each event when it is due, whatever became of those before it. Resolves when all is answered. */
export async function openLoop(loop: OpenLoop): Promise<void> {
  const { schedule, share, signal, report } = loop
  const ledger = openLedger(loop.ledger, shareOf(plannedEvents(schedule.phases), share))
  const maxSockets = Math.ceil(CONNECTIONS / share.of)
  const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets }
  const agent = loop.target.url.startsWith('https:')
    ? new HttpsAgent(agentOptions)
    : new HttpAgent(agentOptions)
  const sinceStart = (): number => loop.now() - loop.startAt
  const underWay = new Set<Promise<void>>()
  const skip = (event: PlannedEvent): void => {
    ledger.unsent(event)
    report.ended(event.n, 'unsent', 0, 0)
  }
  // Every request under way listens to it.
  setMaxListeners(0, signal)
  const attempt = attempts(loop, agent, ledger, sinceStart)

  const events = eventsOf(schedule, share.index, share.of)
  let next = events.next()
  while (!next.done && !signal.aborted) {
    const at = sinceStart()
    const due: PlannedEvent[] = []
    for (; !next.done && next.value.dueAt <= at; next = events.next()) {
      if (underWay.size + due.length < loop.maxInFlight) due.push(next.value)
      else skip(next.value)
    }
    if (due.length > 0) ledger.sending(due, at)
    for (const event of due) {
      report.sending(at - event.dueAt)
      const sending = attempt(event).then(() => void underWay.delete(sending))
      underWay.add(sending)
    }
    ledger.flush()
    if (!next.done) await sleep(Math.max(1, next.value.dueAt - sinceStart()), signal)
  }
  for (; !next.done; next = events.next()) skip(next.value)
  await Promise.all(underWay)
  ledger.close()
  agent.destroy()
}

function shareOf(planned: number, { index, of }: OpenLoop['share']): number {
  return Math.ceil((planned - index) / of)
}

/** Sends one event until it is accepted or its attempts are used. The first attempt is in the ledger already. */
function attempts(
  { schedule, target, timeoutMs, signal, report }: OpenLoop,
  agent: HttpAgent,
  ledger: ReturnType<typeof openLedger>,
  sinceStart: () => number,
): (event: PlannedEvent) => Promise<void> {
  const headers = { 'content-type': 'application/json', ...target.headers }
  const jitter = seeded(schedule.seed + 1)
  return async event => {
    let known: Answer | undefined
    for (let attempt = 1; ; attempt++) {
      const answer = await send({ url: target.url, headers, body: event.body, timeoutMs, agent, signal })
      ledger.answered(event.id, answer, sinceStart())
      report.attempted(answer.why)
      // Once one attempt may have been stored, a later refusal cannot take that back.
      if (answer.outcome !== 'refused' || known === undefined) known = answer
      if (answer.outcome === 'accepted' || attempt >= target.attempts || signal.aborted) {
        report.ended(event.n, known.outcome, sinceStart() - event.dueAt, attempt)
        return
      }
      // Exponential, one half of it by chance: clients that failed together do not come back together.
      await sleep(FIRST_RETRY_MS * 2 ** (attempt - 1) * (0.5 + jitter()), signal)
      ledger.sending([event], sinceStart())
    }
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {})
}
