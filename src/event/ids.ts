import { v7 } from 'uuid'
import type { Clock, Random } from './clock.ts'

/** A UUIDv7 (RFC 9562): sorts by the time it was made, which keeps indexes on it dense. */
export function newEventId(clock: Pick<Clock, 'now'>, random: Random): string {
  const bytes = new Uint8Array(16)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256)
  return v7({ msecs: clock.now(), random: bytes })
}
