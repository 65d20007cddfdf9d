import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { planOf, type Load } from './plan.ts'

const load: Load = {
  url: 'http://127.0.0.1:1/',
  ratePerSecond: 50,
  seconds: 60,
  keys: 64,
  seed: 7,
  run: 'r',
  body: '{"id":"{id}","data":{data}}',
  data: '{"key":"{key}","n":{n},"cents":1.10}',
  ledger: '/dev/null',
}

test('the schedule is fixed in advance, evenly, and the same for the same seed', () => {
  const plan = planOf(load)
  expect(plan).toHaveLength(3_000)
  expect(plan.slice(0, 3).map(({ dueAt }) => dueAt)).toEqual([0, 20, 40])
  expect(plan.at(-1)?.dueAt).toBe(59_980)
  expect(planOf(load)).toEqual(plan)
  expect(planOf({ ...load, seed: 8 }).map(({ key }) => key)).not.toEqual(plan.map(({ key }) => key))
})

test('the hash is that of the payload bytes in the body', () => {
  const event = planOf({ ...load, odd: { every: 10, data: '"odd {n}"' } })[9]
  expect(event?.body).toBe('{"id":"r-9","data":"odd 9"}')
  expect(event?.hash).toBe(createHash('sha256').update('"odd 9"').digest('hex'))
})

test('keys are taken evenly, or by Zipf: of 64 the first gets about a fifth', () => {
  const share = (zipf: number): number => {
    const plan = planOf({ ...load, zipf, seconds: 400 })
    return plan.filter(({ key }) => key === 'k0').length / plan.length
  }
  expect(share(0)).toBeCloseTo(1 / 64, 2)
  expect(share(1)).toBeCloseTo(0.21, 1)
  expect(new Set(planOf(load).map(({ key }) => key)).size).toBe(64)
})
