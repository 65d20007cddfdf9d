import { parseDuration } from '../../event/index.ts'

/** Milliseconds since 1970 of what the shape `moment` has let through: `-1h` counts back from `now`. */
export function momentOf(text: string, now: number): number {
  if (text.startsWith('-')) return now - parseDuration(text.slice(1), 'moment')
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text)
}
