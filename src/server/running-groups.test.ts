import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { memory } from '../drivers/memory/index.ts'
import { HoldfastError, systemClock, type Clock } from '../event/index.ts'
import type { LogDriver } from '../log/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'

const orders = topic('orders', { partitions: 1, events: { placed: z.object({}) } })

it('positions of a group that is paused are kept soon after the start and then daily, those of one that runs are left to it', async () => {
  const { clock, long } = clockWithLongWaits()
  const asked: string[] = []
  const a = app({
    name: 'shop',
    clock,
    log: forgetful(async group => {
      asked.push(group)
      if (asked.length === 1) throw new HoldfastError('LOG_STALLED', { detail: 'planted' })
    }),
  })
  for (const group of ['resting', 'working'])
    a.consumer(group, orders, { from: 'earliest' }).on('placed', () => {})
  await a.start()
  onTestFinished(() => a.stop())
  await a.group('resting').pause('for some weeks')
  for (const [n, wait] of [TEN_MINUTES_MS, DAY_MS, DAY_MS].entries()) {
    const next = await until('it waits', () => long[n])
    expect(next.ms).toBe(wait)
    expect(asked).toHaveLength(n)
    next.over()
    await until('it was asked for', () => asked.length > n)
  }
  expect(asked).toEqual(['resting', 'resting', 'resting'])
})

const TEN_MINUTES_MS = 600_000
const DAY_MS = 86_400_000

interface LongWait {
  readonly ms: number
  over(): void
}

/** Waits of ten minutes or a day are over when the test says so. */
function clockWithLongWaits(): { readonly clock: Clock; readonly long: readonly LongWait[] } {
  const long: LongWait[] = []
  const after: Clock['after'] = (ms, over) => {
    if (ms !== TEN_MINUTES_MS && ms !== DAY_MS) return systemClock.after(ms, over)
    long.push({ ms, over })
    return () => {}
  }
  return { clock: { ...systemClock, after }, long }
}

/** A log that forgets positions of groups without members, unless it is told to keep them. */
function forgetful(keep: (group: string) => Promise<void>): LogDriver {
  const inner = memory()
  return {
    ...inner,
    async open(env) {
      const system = await inner.open(env)
      system.groups.keep = keep
      return system
    },
  }
}
