import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { dueTimes, eventsOf, plannedEvents, type Schedule } from './schedule.ts'

const schedule: Schedule = {
  phases: [
    { name: 'warm-up', seconds: 2, rate: 25 },
    { name: 'base', seconds: 10, rate: 50 },
  ],
  keys: 8,
  zipf: 0,
  seed: 7,
  run: 'r',
  target: { body: '{"id":"{id}","data":{data}}', data: '{"key":"{key}","n":{n}}' },
  poison: [],
}

test('the schedule is fixed in advance, evenly within a phase, and the same for the same seed', () => {
  const due = [...dueTimes(schedule.phases)]
  expect(due).toHaveLength(plannedEvents(schedule.phases))
  expect(due.slice(0, 3)).toEqual([0, 40, 80])
  expect(due.slice(49, 53)).toEqual([1_960, 2_000, 2_020, 2_040])
  expect([...eventsOf(schedule)]).toEqual([...eventsOf(schedule)])
  const keys = (seed: number): string[] => [...eventsOf({ ...schedule, seed })].map(({ key }) => key)
  expect(keys(7)).not.toEqual(keys(8))
})

test('several threads send the same events as one', () => {
  const shares = [0, 1, 2].flatMap(worker => [...eventsOf(schedule, worker, 3)])
  expect(shares.toSorted((a, b) => a.n - b.n)).toEqual([...eventsOf(schedule)])
})

test('the payload is hashed as it is sent, and braces in it are its own', () => {
  const target = { body: '{data}', data: '{"text":"{data}","n":{n}}' }
  const [, second] = [...eventsOf({ ...schedule, target })]
  expect(second?.body).toBe('{"text":"{data}","n":1}')
  expect(second?.hash).toBe(createHash('sha256').update('{"text":"{data}","n":1}').digest('hex'))
})

test('a skew of 1 gives the first key its Zipf share, and 0 gives it an even one', () => {
  const shareOfFirst = (zipf: number): number => {
    const phases = [{ name: 'base', seconds: 100, rate: 100 }]
    const all = [...eventsOf({ ...schedule, phases, zipf })]
    return all.filter(({ key }) => key === 'k0').length / all.length
  }
  expect(shareOfFirst(0)).toBeCloseTo(1 / 8, 1)
  // 1 / (1 + 1/2 + … + 1/8)
  expect(shareOfFirst(1)).toBeCloseTo(0.368, 1)
})

test('one event in so many is poison, within its seconds only', () => {
  const target = { ...schedule.target, poison: 'bad' }
  const poison = [{ from: 4, to: 6, every: 10 }]
  const bad = [...eventsOf({ ...schedule, target, poison })].filter(({ body }) => body.includes('bad'))
  expect(bad).toHaveLength(10)
  expect(bad.every(({ dueAt, n }) => dueAt >= 4_000 && dueAt < 6_000 && n % 10 === 9)).toBe(true)
})
