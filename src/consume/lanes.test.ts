import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import type { Task } from './group-context.ts'
import { Lanes, type Lane } from './lanes.ts'

/** The lanes look at no more of a task than which one it is. */
function taskAt(n: number): Task {
  return { record: { offset: offset(n) } } as Task
}

describe('lanes', () => {
  it('give out the events of a lane in their order and one at a time, whatever ends first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'take', 'done'), { minLength: 30, maxLength: 200 }),
        fc.infiniteStream(fc.nat()),
        (steps, choices) => {
          const lanes = new Lanes()
          const waiting: { name: string; task: Task }[] = []
          const taken: Lane[] = []
          for (const [n, step] of steps.entries()) {
            if (step === 'take') {
              const head = lanes.head
              const lane = lanes.take()
              expect(lane?.head).toBe(head)
              if (!lane) continue
              expect(taken.some(one => one.name === lane.name)).toBe(false)
              expect(waiting.find(one => one.name === lane.name)?.task).toBe(lane.head)
              taken.push(lane)
            } else if (step === 'done') {
              for (const lane of taken.splice((choices.next().value ?? 0) % Math.max(1, taken.length), 1)) {
                waiting.splice(
                  waiting.findIndex(one => one.task === lane.head),
                  1,
                )
                lanes.headDone(lane)
              }
            } else {
              waiting.push({ name: step, task: taskAt(n) })
              for (const added of waiting.slice(-1)) lanes.add(step, added.task)
            }
            const names = new Set(waiting.map(one => one.name))
            expect(lanes.ready).toBe(names.size - taken.length)
            expect(['a', 'b', 'c'].filter(name => lanes.has(name))).toEqual([...names].toSorted())
          }
        },
      ),
    )
  })

  it('are given out as they became ready, also when thousands are', () => {
    const lanes = new Lanes()
    const order: unknown[] = []
    for (let n = 0; n < 5_000; n++) {
      lanes.add(`k${n}`, taskAt(n))
      if (n % 3 === 0) order.push(lanes.take()?.name)
    }
    while (lanes.ready > 0) order.push(lanes.take()?.name)
    expect(order).toEqual(Array.from({ length: 5_000 }, (_, n) => `k${n}`))
    expect(lanes.take()).toBeUndefined()
  })
})
