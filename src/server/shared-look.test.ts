import { describe, expect, it } from 'vitest'
import { HoldfastError, othersTurn, systemClock, type Clock } from '../event/index.ts'
import { SharedLook } from './shared-look.ts'

/** A look that ends when the test says so, under a clock that the test moves. */
class World {
  now = 1_000
  readonly #timers = new Set<{ readonly at: number; readonly fn: () => void }>()
  readonly clock: Clock = {
    ...systemClock,
    now: () => this.now,
    after: (ms, fn) => {
      const timer = { at: this.now + ms, fn }
      this.#timers.add(timer)
      return () => this.#timers.delete(timer)
    },
  }
  readonly looks: PromiseWithResolvers<string>[] = []
  readonly shared = new SharedLook({
    clock: this.clock,
    patience: () => ({ ms: 50, late: 'it takes long' }),
    look: () => {
      const look = Promise.withResolvers<string>()
      this.looks.push(look)
      return look.promise
    },
  })

  async pass(ms: number): Promise<void> {
    this.now += ms
    for (const timer of this.#timers) if (timer.at <= this.now) timer.fn()
    await othersTurn()
  }

  async ends(nth: number, what: string): Promise<void> {
    this.looks[nth]?.resolve(what)
    await othersTurn()
  }
}

describe('a look that many share', () => {
  it('is one for all who ask while it has not begun, and one more for those who come while it is under way', async () => {
    const world = new World()
    const early = [world.shared.take(), world.shared.take()]
    await othersTurn()
    const later = [world.shared.take(), world.shared.take(), world.shared.take()]
    await othersTurn()
    expect(world.looks).toHaveLength(1)
    await world.ends(0, 'a')
    expect(await Promise.all(early)).toEqual([1, 2].map(() => ({ value: 'a', at: 1_000, late: undefined })))
    expect(world.looks).toHaveLength(2)
    world.now = 1_010
    await world.ends(1, 'b')
    expect((await Promise.all(later)).map(({ value }) => value)).toEqual(['b', 'b', 'b'])
  })

  it('answers what was seen last, and since when, to whom it takes too long; and the late result to the next', async () => {
    const world = new World()
    const first = world.shared.take()
    await othersTurn()
    await world.pass(50)
    expect(await first).toEqual({ value: undefined, at: undefined, late: 'it takes long' })
    await world.ends(0, 'a')
    const second = world.shared.take()
    await othersTurn()
    await world.pass(50)
    expect(await second).toEqual({ value: 'a', at: 1_000, late: 'it takes long' })
    expect(world.looks).toHaveLength(2)
  })

  it('adds no look for those who ask again and again while one does not end', async () => {
    const world = new World()
    for (let i = 0; i < 10; i++) {
      const asked = world.shared.take()
      await othersTurn()
      await world.pass(50)
      expect(await asked).toMatchObject({ late: 'it takes long' })
    }
    expect(world.looks).toHaveLength(1)
  })

  it('tells of a log that is away with what was seen before, and throws what else goes wrong', async () => {
    const world = new World()
    const failing = async (fault: Error): Promise<unknown> => {
      const asked = world.shared.take().catch((thrown: unknown) => thrown)
      await othersTurn()
      world.looks.at(-1)?.reject(fault)
      return asked
    }
    const good = world.shared.take()
    await othersTurn()
    await world.ends(0, 'a')
    await good
    const away = new HoldfastError('LOG_STALLED', { detail: 'no broker' })
    expect(await failing(away)).toEqual({ value: 'a', at: 1_000, late: away.message })
    const wrong = new TypeError('wrong')
    expect(await failing(wrong)).toBe(wrong)
  })
})
