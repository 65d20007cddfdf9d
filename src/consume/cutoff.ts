import { HoldfastError } from '../event/index.ts'
import type { GroupContext } from './group-context.ts'

/**
 * Where one attempt is cut off: at the deadline of its group, or with its worker. Most handlers never ask for the
 * signal, and some are done when they return, so signal and timer are made for those that need them: signals of signals
 * for each event cost more than all the rest of the pipeline, in time and in memory.
 */
export class Cutoff {
  readonly #context: GroupContext
  readonly #worker: AbortSignal
  #passed: PromiseWithResolvers<void> | undefined
  #controller: AbortController | undefined
  #disarm: (() => void) | undefined
  #late: HoldfastError | undefined

  constructor(context: GroupContext, worker: AbortSignal) {
    this.#context = context
    this.#worker = worker
  }

  /** Aborts when the attempt is cut off. */
  get signal(): AbortSignal {
    this.#arm()
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.isPassed) this.#controller.abort(this.#reason())
    }
    return this.#controller.signal
  }

  /** Resolves when the attempt is cut off, and never otherwise. */
  get passed(): Promise<void> {
    return this.#arm().promise
  }

  get isPassed(): boolean {
    return this.#worker.aborted || this.#late !== undefined
  }

  /** The deadline was what cut it off: the error to fail with. */
  get late(): HoldfastError | undefined {
    return this.#late
  }

  /** The attempt came to its end: nothing cuts it off any more. */
  end(): void {
    this.#disarm?.()
  }

  /** The deadline begins to count. */
  #arm(): PromiseWithResolvers<void> {
    if (this.#passed) return this.#passed
    const { clock, settings } = this.#context
    const passed = Promise.withResolvers<void>()
    const pass = (): void => {
      this.#controller?.abort(this.#reason())
      passed.resolve()
    }
    const cancel = clock.after(settings.deadlineMs, () => {
      this.#late = new HoldfastError('HANDLER_TIMEOUT', {
        detail: `${settings.group}: no result after ${settings.deadlineMs} ms`,
      })
      pass()
    })
    if (this.#worker.aborted) passed.resolve()
    else this.#worker.addEventListener('abort', pass, { once: true })
    this.#disarm = () => {
      cancel()
      this.#worker.removeEventListener('abort', pass)
    }
    return (this.#passed = passed)
  }

  #reason(): unknown {
    return this.#worker.aborted ? this.#worker.reason : this.#late
  }
}
