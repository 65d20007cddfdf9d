import { expect, it } from 'vitest'
import { systemClock, systemRandom, type Clock } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import type { Operation, OperationHost } from './operation.ts'
import { perform } from './perform.ts'
import { object } from './shape.ts'

it('a look that the log does not end in time is given up with an error that says so, and reads no further', async () => {
  const timers = new Map<number, () => void>()
  const clock: Clock = {
    ...systemClock,
    after(ms, fn) {
      timers.set(ms, fn)
      return () => timers.delete(ms)
    },
  }
  const seen = Promise.withResolvers<AbortSignal>()
  const slow: Operation<object, object> = {
    name: 'group.list',
    summary: 'never ends',
    role: 'viewer',
    effect: 'none',
    withinMs: 30_000,
    input: object({}),
    output: object({}),
    run({ signal }) {
      seen.resolve(signal)
      return new Promise(() => {})
    },
  }
  const host: OperationHost = { system: {} as LogSystem, app: undefined, clock, random: systemRandom }
  const actor = { name: 'ada', role: 'viewer' } as const
  const asked = perform(host, { operation: slow, actor, input: {}, signal: new AbortController().signal })
  const signal = await seen.promise
  expect(signal.aborted).toBe(false)
  timers.get(30_000)?.()
  await expect(asked).rejects.toMatchObject({
    code: 'OPERATION_FAILED',
    detail: 'group.list: the log has not told all that was asked within 30 s',
  })
  expect([signal.aborted, timers.size]).toEqual([true, 0])
})
