import type { Clock, Logger, Random } from '../event/index.ts'
import {
  admittedAtOnce,
  closedBreaker,
  nextBreakerState,
  type BreakerInput,
  type BreakerSettings,
  type BreakerState,
} from './breaker.ts'
import type { BreakerObserver, BreakerStateName } from './observer.ts'

/**
 * Something outside that handlers need (a database, a service), with its breaker and its probe. One for each instance
 * of the dependency in a process, whatever group or partition uses it.
 */
export interface Dependency {
  readonly name: string
  /** Lets a call in at once; undefined when it would have to wait. */
  tryEnter(): Pass | undefined
  /** Waits until a call may be made. Undefined when `signal` aborted first. */
  enter(signal: AbortSignal): Promise<Pass | undefined>
  /**
   * Asks the dependency itself whether it works: undefined when it does, else why not. At most one question a second,
   * shared by all who ask.
   */
  trouble(): Promise<string | undefined>
  status(): BreakerStatus
  /** An operator holds all calls back for so long; then it is probed. */
  forceOpen(ms: number, reason: string): void
  /** An operator lets calls through without a probe. Does nothing where they are let through already. */
  forceClosed(reason: string): void
  /** Wakes all who wait (their `enter` answers undefined) and stops probing. */
  close(): void
}

/** One admitted call; tell once how it went. `neither`: it failed for a reason of its own. */
export interface Pass {
  done(how: 'success' | 'outage' | 'neither', reason?: string): void
}

export interface BreakerStatus {
  readonly name: string
  readonly state: BreakerStateName
  /** Wall clock, milliseconds since 1970. */
  readonly since: number
  readonly reason: string
  /** Calls that wait for it. */
  readonly waiting: number
  readonly transitions: number
}

export interface DependencyOptions {
  readonly name: string
  readonly probe: (signal: AbortSignal) => Promise<unknown>
  readonly breaker: BreakerSettings
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly observer: BreakerObserver
}

/** An answer of `trouble` is used again for this long. */
const PING_TTL_MS = 1_000
/** How long a call counts as one of those that run at once while the breaker ramps up. */
const RAMP_PLACE_MS = 1_000

export function dependency(options: DependencyOptions): Dependency {
  return new GuardedDependency(options)
}

class GuardedDependency implements Dependency {
  readonly name: string
  readonly #o: DependencyOptions
  #state: BreakerState
  /** Grows whenever the breaker opens: a call admitted before that says nothing about the time after it. */
  #tenure = 0
  #running = 0
  readonly #waiting: (() => void)[] = []
  #since: number
  #reason = 'start'
  #transitions = 0
  #cancelProbe: (() => void) | undefined
  #ping: { at: number; answer: Promise<string | undefined> } | undefined
  #closed = false

  constructor(options: DependencyOptions) {
    this.name = options.name
    this.#o = options
    this.#state = closedBreaker(options.breaker)
    this.#since = options.clock.now()
    options.observer.changed?.({ name: this.name, from: undefined, to: 'CLOSED', reason: 'start' })
  }

  tryEnter(): Pass | undefined {
    const mustWait = this.#waiting.length > 0 || this.#running >= admittedAtOnce(this.#state)
    return this.#closed || mustWait ? undefined : this.#pass()
  }

  async enter(signal: AbortSignal): Promise<Pass | undefined> {
    let told = false
    while (!this.#closed && !signal.aborted && this.#running >= admittedAtOnce(this.#state)) {
      if (!told && this.#state.kind !== 'CLOSED') {
        told = true
        this.#o.observer.held?.({ name: this.name })
      }
      await this.#turn(signal)
    }
    return this.#closed || signal.aborted ? undefined : this.#pass()
  }

  /**
   * Takes one of the places of those who run at once, until the pass is done. While the breaker ramps up, a call that
   * runs long gives its place back before it ends: a handler of one group that hangs would keep all who use the
   * dependency waiting. Whatever was admitted before the breaker opened has lost its place with that.
   */
  #pass(): Pass {
    const tenure = this.#tenure
    this.#running += 1
    let [isOpen, isPlaceHeld] = [true, true]
    const free = (): void => {
      if (isPlaceHeld && tenure === this.#tenure) this.#running -= 1
      isPlaceHeld = false
      if (this.#waiting.length > 0) this.#wake()
    }
    const cancel =
      admittedAtOnce(this.#state) === Infinity ? undefined : this.#o.clock.after(RAMP_PLACE_MS, free)
    return {
      done: (how, reason = '') => {
        if (!isOpen) return
        isOpen = false
        cancel?.()
        if (how !== 'neither' && tenure === this.#tenure) this.#input({ kind: how }, reason)
        free()
      },
    }
  }

  trouble(): Promise<string | undefined> {
    const now = this.#o.clock.monotonic()
    if (this.#ping && now - this.#ping.at < PING_TTL_MS) return this.#ping.answer
    const answer = this.#askOnce().then(
      () => undefined,
      (error: unknown) => probeFailed(error),
    )
    this.#ping = { at: now, answer }
    return answer
  }

  status(): BreakerStatus {
    return {
      name: this.name,
      state: this.#state.kind,
      since: this.#since,
      reason: this.#reason,
      waiting: this.#waiting.length,
      transitions: this.#transitions,
    }
  }

  forceOpen(ms: number, reason: string): void {
    this.#input({ kind: 'forced-open', until: this.#o.clock.monotonic() + ms }, reason)
  }

  forceClosed(reason: string): void {
    this.#input({ kind: 'forced-closed' }, reason)
  }

  close(): void {
    this.#closed = true
    this.#cancelProbe?.()
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** One waiter's turn: ends at a change of the breaker, a finished call, or the abort. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        signal.removeEventListener('abort', abandon)
        resolve()
      }
      const abandon = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1)
        resolve()
      }
      this.#waiting.push(wake)
      signal.addEventListener('abort', abandon, { once: true })
    })
  }

  /** Wakes as many as may run now, in the order in which they came. */
  #wake(): void {
    const room = admittedAtOnce(this.#state) - this.#running
    if (room > 0) for (const wake of this.#waiting.splice(0, room)) wake()
  }

  #input(input: BreakerInput, reason: string): void {
    // What nearly every call says. No state hears of it.
    if (input.kind === 'success' && admittedAtOnce(this.#state) === Infinity) return
    const { clock, random, breaker } = this.#o
    const before = this.#state
    this.#state = nextBreakerState(before, input, { now: clock.monotonic(), jitter: random() }, breaker)
    const isOther = before.kind !== this.#state.kind
    if (!isOther && input.kind !== 'forced-open') return
    this.#since = clock.now()
    this.#reason = reason
    if (isOther) this.#transitions += 1
    if (this.#state.kind === 'OPEN') {
      this.#tenure += 1
      this.#running = 0
      this.#cancelProbe?.()
      this.#cancelProbe = clock.after(this.#state.probeAt - clock.monotonic(), () => void this.#probe())
    }
    if (isOther) this.#announce(before.kind, this.#state.kind, reason)
    this.#wake()
  }

  #announce(from: BreakerStateName, to: BreakerStateName, reason: string): void {
    this.#o.observer.changed?.({ name: this.name, from, to, reason })
    // HALF_OPEN comes and goes with each probe; what a person wants to know is that it is away, and that it is back.
    if (to === 'OPEN' && from === 'CLOSED') {
      this.#o.logger.warn({ dependency: this.name, reason }, `${this.name} is away: paused, nothing is lost`)
    } else if (to === 'CLOSED') {
      this.#o.logger.info({ dependency: this.name }, `${this.name} is back: going on`)
    }
  }

  async #probe(): Promise<void> {
    if (this.#closed) return
    // A timer may fire a little early; the state machine decides.
    if (this.#state.kind === 'OPEN') {
      const early = this.#state.probeAt - this.#o.clock.monotonic()
      if (early > 0) {
        this.#cancelProbe = this.#o.clock.after(Math.ceil(early), () => void this.#probe())
        return
      }
    }
    this.#input({ kind: 'probe-due' }, 'asking whether it works')
    const tenure = this.#tenure
    while (this.#state.kind === 'HALF_OPEN' && !this.#closed) {
      const failed = await this.#askOnce().then(() => undefined, probeFailed)
      // An operator opened it meanwhile: what comes of this question is nothing to those that are asked later.
      if (tenure !== this.#tenure) return
      if (failed === undefined) this.#input({ kind: 'probe-succeeded' }, 'the probe succeeded')
      else this.#input({ kind: 'probe-failed' }, failed)
    }
  }

  async #askOnce(): Promise<void> {
    const { clock, probe, probeTimeoutMs } = this.#o
    const abort = new AbortController()
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(probeTimeoutMs, () => {
      abort.abort()
      late.reject(new Error(`no answer within ${probeTimeoutMs} ms`))
    })
    try {
      await Promise.race([probe(abort.signal), late.promise])
    } finally {
      cancel()
    }
  }
}

function probeFailed(error: unknown): string {
  return `the probe failed: ${error instanceof Error ? error.message : String(error)}`
}
