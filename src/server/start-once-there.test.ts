import { expect, it } from 'vitest'
import { HoldfastError, silentLogger } from '../event/index.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
import { startOnceThere, type StartOnceThere } from './start-once-there.ts'

const away = (): HoldfastError => new HoldfastError('LOG_STALLED', { detail: 'no broker' })

/** Answers and starts are what the lists say, one after the other; then all is well. */
function starting(
  answers: unknown[],
  starts: unknown[],
): { it: StartOnceThere; started: () => number; pass: (ms: number) => Promise<void> } {
  const clock = virtualClock()
  let started = 0
  const next = async (list: unknown[]): Promise<void> => {
    const error = list.shift()
    if (error !== undefined) throw error
  }
  const it = startOnceThere({
    answers: () => next(answers),
    start: async () => {
      await next(starts)
      started++
    },
    clock,
    logger: silentLogger,
  })
  return { it, started: () => started, pass: ms => clock.advance(ms) }
}

it('starts at once when the log answers', async () => {
  const one = starting([], [])
  await one.it.tried
  expect([one.started(), one.it.waitsFor]).toEqual([1, undefined])
})

it('starts later when the log is away, also when it goes away again in the middle of the start', async () => {
  const one = starting([away(), away()], [away()])
  await one.it.tried
  expect(one.it.waitsFor).toContain('no broker')
  await one.pass(4_000)
  expect([one.started(), one.it.waitsFor]).toEqual([0, away().message])
  await one.pass(2_000)
  expect([one.started(), one.it.waitsFor]).toEqual([1, undefined])
  await one.pass(60_000)
  expect(one.started()).toBe(1)
})

it('says at once what is wrong with the start itself, and later by its failure', async () => {
  await expect(starting([], [new Error('wrong')]).it.tried).rejects.toThrow('wrong')
  const later = starting([away()], [new Error('wrong')])
  await later.it.tried
  await later.pass(2_000)
  expect(await later.it.failed).toMatchObject({ message: 'wrong' })
})

it('does not start any more once it was given up', async () => {
  const one = starting([away()], [])
  await one.it.tried
  await one.it.giveUp()
  await one.pass(60_000)
  expect(one.started()).toBe(0)
})
