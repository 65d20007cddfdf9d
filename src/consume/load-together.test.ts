import { expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import type { RunEvent } from '../recover/lane/index.ts'
import type { Task } from './group-context.ts'
import { loadTogether } from './load-together.ts'

const MIB = 1024 * 1024

/** Events of so many bytes; undefined: the partition stops at it. */
async function loaded(sizes: readonly (number | undefined)[]): Promise<{ tasks: number; reads: number }> {
  const body = { from: 'topic', offset: offset(0) } as const
  const events = sizes.map((_, i): RunEvent => {
    return { origin: offset(i), round: 0, attempts: 0, last: undefined, body }
  })
  let reads = 0
  const tasks = await loadTogether(events, ({ origin }) => {
    reads += 1
    const size = sizes[Number(origin)]
    const record = { value: new Uint8Array(size ?? 0) }
    return Promise.resolve(size === undefined ? undefined : ({ record } as Task))
  })
  return { tasks: tasks.length, reads }
}

it('reads the entries of a run', async () => {
  expect(await loaded([1, 2, 0, 3])).toEqual({ tasks: 4, reads: 4 })
})

it('reads no more of them than fit into four megabytes, and always the first', async () => {
  expect(await loaded(Array.from({ length: 9 }, () => MIB))).toEqual({ tasks: 4, reads: 4 })
  expect(await loaded([16 * MIB, 1])).toEqual({ tasks: 1, reads: 1 })
})

it('reads nothing behind one at which the partition stops', async () => {
  expect(await loaded([1, undefined, 1])).toEqual({ tasks: 1, reads: 2 })
})
