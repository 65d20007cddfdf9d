import { HoldfastError } from '../event/index.ts'
import type { GroupContext } from './group-context.ts'

/**
 * Where one attempt is cut off: at the deadline of its group, or with its worker. Most handlers never ask for the
 * signal, so it is made for those that do: signals of signals for each event cost more than all the rest of the
 * pipeline, in time and in memory.
 */
export interface Cutoff {
  /** Aborts when the attempt is cut off. */
  readonly signal: AbortSignal
  /** Resolves when the attempt is cut off, and never otherwise. */
  readonly passed: Promise<void>
  readonly isPassed: boolean
  /** The deadline was what cut it off: the error to fail with. */
  readonly late: HoldfastError | undefined
  /** The attempt came to its end: nothing cuts it off any more. */
  end(): void
}

export function cutoff({ clock, settings }: GroupContext, worker: AbortSignal): Cutoff {
  const { promise, resolve } = Promise.withResolvers<void>()
  let late: HoldfastError | undefined
  let controller: AbortController | undefined
  const reason = (): unknown => (worker.aborted ? worker.reason : late)
  const pass = (): void => {
    controller?.abort(reason())
    resolve()
  }
  const isPassed = (): boolean => worker.aborted || late !== undefined
  const cancel = clock.after(settings.deadlineMs, () => {
    late = new HoldfastError('HANDLER_TIMEOUT', {
      detail: `${settings.group}: no result after ${settings.deadlineMs} ms`,
    })
    pass()
  })
  worker.addEventListener('abort', pass, { once: true })
  if (worker.aborted) resolve()
  return {
    passed: promise,
    get signal() {
      if (!controller) {
        controller = new AbortController()
        if (isPassed()) controller.abort(reason())
      }
      return controller.signal
    },
    get isPassed() {
      return isPassed()
    },
    get late() {
      return late
    },
    end() {
      cancel()
      worker.removeEventListener('abort', pass)
    },
  }
}
