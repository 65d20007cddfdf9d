import { expect, it } from 'vitest'
import type { Finding } from '../../event/index.ts'
import { judgeSpool, type SpoolSight } from './spool.ts'

const HOUR_MS = 3_600_000
const sight: SpoolSight = { folder: '/spool', maxAgeMs: 24 * HOUR_MS, now: 100 * HOUR_MS, pid: 7 }
interface Contents {
  readonly events?: number
  readonly setAside?: number
  readonly ageMs?: number
}
const judge = ({ events = 0, setAside = 0, ageMs }: Contents, more: Partial<SpoolSight>): Finding => {
  const oldestAt = ageMs === undefined ? undefined : sight.now - ageMs
  const topics = setAside === 0 ? [] : [{ topic: 'orders', events: setAside }]
  const since = setAside === 0 ? undefined : 0
  const aside = { events: setAside, since, topics }
  return judgeSpool({ events, setAside: aside, oldestAt }, { ...sight, ...more })
}
const judged = (contents: Contents, more: Partial<SpoolSight> = {}): string => {
  const { status, found, advice } = judge(contents, more)
  expect(advice === undefined).toBe(status === 'ok')
  return `${status}: ${found}`
}
const advised = (contents: Contents, more: Partial<SpoolSight> = {}): string | undefined =>
  judge(contents, more).advice

it('doctor is content with an empty spool, in use or not', () => {
  expect(judged({})).toBe('ok: /spool holds 0 events, process 7 runs on it')
  expect(judged({}, { pid: undefined })).toBe('ok: /spool holds 0 events, no collector runs on it')
})

it('doctor warns of answered events that only the spool has, and most of all when nobody sends them', () => {
  const some = { events: 3, ageMs: HOUR_MS }
  expect(judged(some)).toBe('warn: /spool holds 3 events, the oldest for 60 min, process 7 runs on it')
  expect(judged(some, { pid: undefined })).toContain('no collector runs on it')
  expect(judged({ ...some, ageMs: 25 * HOUR_MS })).toMatch(/^fail: .* the oldest for 1500 min/)
  expect(judged({ setAside: 2 })).toBe(
    'warn: /spool holds 0 events, 2 set aside since 1970-01-01T00:00:00.000Z as too large for orders, process 7 runs on it',
  )
})

it('doctor says of each what is to be done, the most urgent first', () => {
  const some = { events: 3, setAside: 2, ageMs: HOUR_MS }
  expect(advised({ ...some, ageMs: 25 * HOUR_MS }, { pid: undefined })).toContain('bring the log back')
  expect(advised(some, { pid: undefined })).toContain(
    'only here: start the collector, which sends them to the log',
  )
  expect(advised(some)).toContain('raise max.message.bytes')
  expect(advised({ ...some, setAside: 0 })).toContain('/readyz says why it does not')
})
