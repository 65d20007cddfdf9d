import type { Clock } from '../event/index.ts'
import type { Sink } from './port.ts'

/** What a sink does, for whoever measures it. Must not throw. */
export interface SinkObserver {
  /** Before the first transaction: what counts them can begin at 0. */
  opened?(of: { readonly sink: string }): void
  /** A transaction ended, well or not: how many records it was for, and how long it took with its repetitions. */
  flushed?(of: { readonly sink: string; readonly events: number; readonly seconds: number }): void
}

/** The sink with all its powers, and `observer` hears of each transaction. */
export function measured(sink: Sink, observer: SinkObserver, clock: Clock): Sink {
  observer.opened?.({ sink: sink.name })
  const apply: Sink['apply'] = async (lease, records, options, work) => {
    const began = clock.monotonic()
    try {
      return await sink.apply(lease, records, options, work)
    } finally {
      const seconds = (clock.monotonic() - began) / 1_000
      observer.flushed?.({ sink: sink.name, events: records.length, seconds })
    }
  }
  // A proxy, so that a power which the port gets later is not lost here.
  return new Proxy(sink, {
    get(target, name) {
      if (name === 'apply') return apply
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
