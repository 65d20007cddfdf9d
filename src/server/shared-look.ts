import { isHoldfastError, type Clock } from '../event/index.ts'

/** What was seen, and what there is to say of it. */
export interface Seen<T> {
  /** Undefined while no look was ever successful. */
  readonly value: T | undefined
  /** When the look for it began, milliseconds since 1970. Undefined with no value. */
  readonly at: number | undefined
  /** Why it is older than the question. Undefined when it is not. */
  readonly late: string | undefined
}

export interface SharedLookOptions<T> {
  /** Reads it all. May take long, and does not end sooner because nobody waits any more. */
  readonly look: () => Promise<T>
  readonly clock: Clock
  /** How long whoever asks is kept waiting, in milliseconds, with the reason to give when that was too short. */
  readonly patience: () => { readonly ms: number; readonly late: string }
}

/**
 * A look at something that may be slow, for many who ask. One is under way at a time, and one waits for it to end: so an
 * answer is never older than its question, unless it says so, and askers do not add up. Who has waited long enough gets
 * what was seen last; the look goes on, and the next asker has its result.
 */
export class SharedLook<T> {
  readonly #o: SharedLookOptions<T>
  #known: { readonly value: T; readonly at: number } | undefined
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<T> | undefined

  constructor(options: SharedLookOptions<T>) {
    this.#o = options
  }

  /** Rejects with what the look rejects with, but for a log that is away: that is told like lateness. */
  async take(): Promise<Seen<T>> {
    const { clock, patience } = this.#o
    const { ms, late } = patience()
    const looking = this.#look()
    const over = Promise.withResolvers<'late'>()
    const cancel = clock.after(ms, () => over.resolve('late'))
    try {
      const first = await Promise.race([looking.then(value => ({ value })), over.promise])
      if (first === 'late') return this.#old(late)
      return { value: first.value, at: this.#known?.at, late: undefined }
    } catch (error) {
      if (!isHoldfastError(error, 'LOG_STALLED', 'LOG_DENIED')) throw error
      return this.#old(error.message)
    } finally {
      cancel()
    }
  }

  #old(late: string): Seen<T> {
    return { value: this.#known?.value, at: this.#known?.at, late }
  }

  #look(): Promise<T> {
    if (this.#next !== undefined) return this.#next
    const next = this.#running.then(() => {
      this.#next = undefined
      const run = this.#run()
      this.#running = run.catch(() => {})
      return run
    })
    next.catch(() => {}) // whoever has waited long enough hears of it no more
    return (this.#next = next)
  }

  async #run(): Promise<T> {
    const at = this.#o.clock.now()
    const value = await this.#o.look()
    this.#known = { value, at }
    return value
  }
}
