import { HoldfastError } from '../../src/event/index.ts'
import type { AppendOutcome, AppendRecord, Log } from '../../src/log/index.ts'
import { withAppend } from './collector.ts'

/** What happens to appends from now on. */
export type Weather =
  | 'fine'
  /** They are neither answered nor stored, until something else is said: then they are stored, in the order of calls. */
  | 'held'
  /** Refused, nothing stored. */
  | 'stalled'
  /** Stored, and answered as if nobody knew. */
  | 'unanswered'
  /** Held ones are refused, and nothing of them is stored. */
  | 'failing'

/** A log that can be away on command, in front of a real one. */
export interface Outage {
  readonly log: Log
  /** Appends that met something else than `fine`. */
  readonly met: number
  /** `key`: only for events whose key ends so. */
  become(weather: Weather, key?: string): Promise<void>
  /** So many appends are stored and answered all the same. */
  allow(appends: number): void
}

export function outage(log: Log): Outage {
  let weather: Weather = 'fine'
  let only: string | undefined
  let allowed = 0
  let met = 0
  let held: { readonly go: () => Promise<void>; readonly fail: () => void }[] = []

  const append = async (
    topic: string,
    records: readonly AppendRecord[],
  ): Promise<readonly AppendOutcome[]> => {
    // A log without ids of its own, as those on other machines are.
    const store = (): Promise<readonly AppendOutcome[]> =>
      log.append(
        topic,
        records.map(record => ({ ...record, dedup: undefined })),
      )
    if (
      weather === 'fine' ||
      (only !== undefined && !records.some(({ key }) => key?.endsWith(only ?? '') === true))
    )
      return await store()
    if (allowed > 0) {
      allowed--
      return await store()
    }
    met++
    switch (weather) {
      case 'stalled':
        throw new HoldfastError('LOG_STALLED', { detail: 'on command' })
      case 'failing':
        throw new HoldfastError('LOG_FAILED', { detail: 'on command' })
      case 'unanswered':
        await store()
        throw new HoldfastError('LOG_FAILED', { detail: 'on command, after it was stored' })
      case 'held': {
        const { promise, resolve, reject } = Promise.withResolvers<readonly AppendOutcome[]>()
        held.push({
          go: async () => resolve(await store()),
          fail: () => reject(new HoldfastError('LOG_FAILED', { detail: 'held, then lost' })),
        })
        return await promise
      }
    }
  }

  return {
    log: withAppend(log, append),
    get met() {
      return met
    },
    allow(appends) {
      allowed = appends
    },
    async become(next, key) {
      weather = next
      only = key
      if (next === 'held') return
      const waiting = held
      held = []
      for (const call of waiting) {
        if (next === 'fine') await call.go()
        else call.fail()
      }
    },
  }
}
