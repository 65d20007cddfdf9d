import type { Clock, Logger } from '../../event/index.ts'

export interface MaintenanceOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Milliseconds from the end of one run to the beginning of the next. */
  readonly rest: () => number
  /** What is logged when a run failed. */
  readonly failed: string
  run(signal: AbortSignal): Promise<unknown>
  readonly signal: AbortSignal
}

/** Work that a log does on itself every now and then, until the signal aborts. */
export class Maintenance {
  readonly #options: MaintenanceOptions
  /** Resolves with the run that is under way. */
  over: Promise<void> = Promise.resolve()

  constructor(options: MaintenanceOptions) {
    this.#options = options
    this.#schedule()
  }

  #schedule(): void {
    const { clock, rest, signal } = this.#options
    if (signal.aborted) return
    const cancel = clock.after(rest(), () => {
      signal.removeEventListener('abort', cancel)
      this.over = this.#run()
    })
    signal.addEventListener('abort', cancel, { once: true })
  }

  async #run(): Promise<void> {
    const { logger, failed, signal } = this.#options
    try {
      await this.#options.run(signal)
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, failed)
    }
    this.#schedule()
  }
}
