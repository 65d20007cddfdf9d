import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { MinHeap } from './min-heap.ts'

it('a heap gives back the lowest first, whatever was put in and taken out before', () => {
  const step = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('pop' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const heap = new MinHeap<number, number>()
      const model: number[] = []
      for (const step of steps) {
        if (step === 'pop') {
          expect(heap.pop()).toBe(model.shift())
        } else {
          heap.push(step, step)
          model.push(step)
          model.sort((a, b) => a - b)
        }
        expect(heap.first?.value).toBe(model[0])
      }
    }),
  )
})
