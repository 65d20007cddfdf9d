import { expect, it } from 'vitest'
import { FairQueue } from './fair-queue.ts'

it('a queue in which tenants take turns keeps the order of each, and lets nobody wait for more than one of another', () => {
  const queue = new FairQueue<string>()
  for (let n = 0; n < 1_000; n++) queue.push(`noisy ${n}`, 'noisy')
  for (let n = 0; n < 3; n++) queue.push(`quiet ${n}`, 'quiet')
  queue.push('nobody 0', undefined)
  expect([queue.size, queue.tenants, queue.first]).toEqual([1_004, 3, 'noisy 0'])
  const out = Array.from({ length: 8 }, () => queue.shift())
  expect(out).toEqual([
    'noisy 0',
    'quiet 0',
    'nobody 0',
    'noisy 1',
    'quiet 1',
    'noisy 2',
    'quiet 2',
    'noisy 3',
  ])
  queue.push('quiet 3', 'quiet')
  expect([queue.shift(), queue.shift(), queue.shift(), queue.tenants]).toEqual([
    'noisy 4',
    'quiet 3',
    'noisy 5',
    1,
  ])
  while (queue.size > 0) queue.shift()
  expect([queue.shift(), queue.first, queue.tenants]).toEqual([undefined, undefined, 0])
})
