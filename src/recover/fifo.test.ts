import { expect, it } from 'vitest'
import { Fifo } from './fifo.ts'

it('a queue gives out what came first, also when thousands wait and its front is cut off', () => {
  const queue = new Fifo<number>()
  const out: (number | undefined)[] = []
  for (let n = 0; n < 5_000; n++) {
    queue.push(n)
    if (n % 3 === 0) {
      expect(queue.first).toBe(out.length)
      out.push(queue.shift())
    }
  }
  expect(queue.size).toBe(5_000 - out.length)
  while (queue.size > 0) out.push(queue.shift())
  expect(out).toEqual(Array.from({ length: 5_000 }, (_, n) => n))
  expect(queue.shift()).toBeUndefined()
})
