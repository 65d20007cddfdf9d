import { v7 } from 'uuid'
import type { Clock, Random } from './clock.ts'

/** A UUIDv7 (RFC 9562): sorts by the time it was made, which keeps indexes on it dense. */
export function newEventId(clock: Pick<Clock, 'now'>, random: Random): string {
  const bytes = new Uint8Array(16)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256)
  return v7({ msecs: clock.now(), random: bytes })
}

/** When an id says it was made, milliseconds since 1970: undefined for one that is no UUIDv7. */
export function timeOfId(id: string): number | undefined {
  const [, high, low] =
    /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id) ?? []
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16)
}
