import { HoldfastError, offset, parseDuration, type Offset, type TopicPartition } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'

/** A place in a topic as somebody names it: an offset, a time, or an end. */
export type PlaceName =
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'offset'; readonly offset: Offset }
  | { readonly kind: 'time'; readonly at: number }

/**
 * `start`, `end`, an offset in digits, a time by ISO 8601, or how long ago: `-1h`. Throws `CONFIG_INVALID`; `option` is
 * named in it.
 */
export function placeName(text: string, option: string, now: number): PlaceName {
  if (text === 'start' || text === 'end') return { kind: text }
  if (/^\d{1,19}$/.test(text)) return { kind: 'offset', offset: offset(text) }
  if (text.startsWith('-')) return { kind: 'time', at: now - parseDuration(text.slice(1), option) }
  const at = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(at)) return { kind: 'time', at }
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `${option} must be start, end, an offset, a time such as 2026-11-21T12:00:00Z, or how long ago such as -1h; got ${JSON.stringify(text)}`,
  })
}

/** Where that is in a partition: never outside of what it holds. */
export async function offsetOf(log: Log, tp: TopicPartition, place: PlaceName): Promise<Offset> {
  const { start, end } = await log.bounds(tp)
  switch (place.kind) {
    case 'start':
      return start
    case 'end':
      return end
    case 'time':
      return log.offsetAt(tp, place.at)
    case 'offset':
      return place.offset < start ? start : place.offset > end ? end : place.offset
  }
}
