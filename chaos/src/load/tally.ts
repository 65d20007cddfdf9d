import type { ArmResult, PhaseResult, Series } from '../contract/result.ts'
import { NUMBERS_PER_EVENT, outcomes, type Batch, type LoadOutcome } from './batch.ts'
import { Latencies } from './percentiles.ts'
import { dueTimes, eventsIn, plannedEvents, type Schedule } from './schedule.ts'

/** Sums since the load began. */
export type LoadSums = Readonly<Record<'planned' | 'sent' | LoadOutcome, number>>

/** What became of one event, as the load saw it. */
export interface EventOutcome {
  readonly n: number
  readonly dueAt: number
  /** Undefined as long as it is under way. */
  readonly outcome: LoadOutcome | undefined
  /** Milliseconds from the moment when it was due. */
  readonly ms: number
  readonly attempts: number
}

/** Every event of a load by its number, and all that can be counted from that. Thirteen bytes for each event. */
export class LoadTally {
  readonly #phases: Schedule['phases']
  readonly #due: Float64Array
  /** Number of the outcome plus one; 0 while the event is under way or not due yet. */
  readonly #outcome: Uint8Array
  readonly #ms: Float32Array
  readonly #attempts: Uint8Array
  readonly #sums = { accepted: 0, refused: 0, unanswered: 0, unsent: 0 }
  readonly #answers: Record<string, number> = {}
  #behindMs = 0
  #latest: number[] = []

  constructor(phases: Schedule['phases']) {
    const planned = plannedEvents(phases)
    this.#phases = phases
    this.#due = Float64Array.from(dueTimes(phases))
    this.#outcome = new Uint8Array(planned)
    this.#ms = new Float32Array(planned)
    this.#attempts = new Uint8Array(planned)
  }

  add({ ended, answers, behindMs }: Batch): void {
    this.#behindMs = Math.max(this.#behindMs, behindMs)
    for (const [why, times] of Object.entries(answers)) this.#answers[why] = (this.#answers[why] ?? 0) + times
    for (let i = 0; i < ended.length; i += NUMBERS_PER_EVENT) {
      const [n = 0, outcome = 0, ms = 0, attempts = 0] = ended.subarray(i, i + NUMBERS_PER_EVENT)
      this.#outcome[n] = outcome + 1
      this.#ms[n] = ms
      this.#attempts[n] = attempts
      const name = outcomes[outcome] ?? 'unsent'
      this.#sums[name] += 1
      if (name !== 'unsent') this.#latest.push(ms)
    }
  }

  get sums(): LoadSums {
    const { accepted, refused, unanswered } = this.#sums
    return { planned: this.#due.length, sent: accepted + refused + unanswered, ...this.#sums }
  }

  get answers(): Readonly<Record<string, number>> {
    return this.#answers
  }

  get behindMs(): number {
    return Math.round(this.#behindMs)
  }

  /** Events that should have been sent by now. */
  plannedUntil(second: number): number {
    return this.#due.findLastIndex(due => due < second * 1000) + 1
  }

  /** The 99th percentile of what was answered since the last question; undefined when nothing was. */
  takeP99(): number | undefined {
    const sorted = this.#latest.toSorted((a, b) => a - b)
    this.#latest = []
    return sorted[Math.ceil(sorted.length * 0.99) - 1]
  }

  *events(): Generator<EventOutcome, undefined> {
    for (const [n, dueAt] of this.#due.entries()) {
      const code = this.#outcome[n] ?? 0
      const outcome = code === 0 ? undefined : outcomes[code - 1]
      yield { n, dueAt, outcome, ms: this.#ms[n] ?? 0, attempts: this.#attempts[n] ?? 0 }
    }
  }

  /** Accepted events a second, from the moment when the first one was due to the last answer. */
  get acceptedPerSecond(): number {
    let last = 0
    for (const { outcome, dueAt, ms } of this.events())
      if (outcome !== 'unsent') last = Math.max(last, dueAt + ms)
    return last === 0 ? 0 : this.#sums.accepted / (last / 1000)
  }

  /** Sends for each event that was sent. */
  get amplification(): number {
    const sends = this.#attempts.reduce((sum, attempts) => sum + attempts, 0)
    return this.sums.sent === 0 ? 0 : sends / this.sums.sent
  }

  latency(): ArmResult['latency'] {
    const [accepted, failed] = [new Latencies(), new Latencies()]
    for (const { outcome, ms } of this.events()) {
      if (outcome === 'accepted') accepted.record(ms)
      else if (outcome !== undefined && outcome !== 'unsent') failed.record(ms)
    }
    return { accepted: accepted.percentiles(), failed: failed.percentiles() }
  }

  phases(): PhaseResult[] {
    const events = this.events()
    let from = 0
    return this.#phases.map(phase => {
      const counts = { accepted: 0, refused: 0, unanswered: 0, unsent: 0 }
      const latencies = new Latencies()
      for (let left = eventsIn(phase); left > 0; left--) {
        const { outcome, ms } = events.next().value ?? {}
        if (outcome === undefined) continue
        counts[outcome] += 1
        if (outcome !== 'unsent') latencies.record(ms ?? 0)
      }
      const { name, seconds, rate } = phase
      const sent = counts.accepted + counts.refused + counts.unanswered
      const to = from + seconds
      const result = { name, from, to, rate, sent, ...counts, latency: latencies.percentiles() }
      from = to
      return result
    })
  }

  /** One entry for each second of the schedule, by the second in which an event was due. */
  series(): Pick<Series, 'accepted' | 'refused' | 'unanswered' | 'unsent' | 'p50' | 'p99'> {
    const seconds = Math.ceil(this.#phases.reduce((sum, phase) => sum + phase.seconds, 0))
    const zeros = (): number[] => Array<number>(seconds).fill(0)
    const counts = { accepted: zeros(), refused: zeros(), unanswered: zeros(), unsent: zeros() }
    const [p50, p99] = [Array<number | null>(seconds).fill(null), Array<number | null>(seconds).fill(null)]
    const latencies = new Latencies()
    const close = (second: number): void => {
      const { count, ...of } = latencies.percentiles()
      if (count > 0) [p50[second], p99[second]] = [of.p50, of.p99]
      latencies.reset()
    }
    let current = 0
    for (const { dueAt, outcome, ms } of this.events()) {
      const second = Math.floor(dueAt / 1000)
      if (second !== current) close(current)
      current = second
      if (outcome === undefined) continue
      counts[outcome][second] = (counts[outcome][second] ?? 0) + 1
      if (outcome !== 'unsent') latencies.record(ms)
    }
    close(current)
    return { ...counts, p50, p99 }
  }

  /** Seconds of the schedule in which a customer was turned away. */
  get errorSeconds(): number {
    const { refused, unanswered, unsent } = this.series()
    return refused.filter((_, i) => (refused[i] ?? 0) + (unanswered[i] ?? 0) + (unsent[i] ?? 0) > 0).length
  }
}
