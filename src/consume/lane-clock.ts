import type { Clock } from '../event/index.ts'

/** Timers hold no more than 24 days. */
const MAX_TIMER_MS = 24 * 60 * 60 * 1_000

/** The time of a retry lane while one owner has it, and its alarm. */
export class LaneClock {
  readonly #clock: Clock
  readonly #ring: () => void
  readonly #epoch: number
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
    this.#epoch = clock.now() - clock.monotonic()
  }

  /** The wall clock as it was at the takeover, going on evenly: a clock that is set must not hold back a retry. */
  now(): number {
    return Math.round(this.#epoch + this.#clock.monotonic())
  }

  /** Rings then, or earlier; in place of any other time that it was set to. */
  set(at: number | undefined): void {
    if (at === this.#alarm?.at) return
    this.stop()
    if (at === undefined) return
    const cancel = this.#clock.after(Math.min(MAX_TIMER_MS, Math.max(0, at - this.now())), () => {
      this.#alarm = undefined
      this.#ring()
    })
    this.#alarm = { at, cancel }
  }

  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = undefined
  }
}
