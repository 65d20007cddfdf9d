import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { seededRandom, type Clock } from '../event/index.ts'
import { limiter, rateLimit } from './limits.ts'

describe('the limiter', () => {
  it('lets those who wait in as they came, one for each that leaves', async () => {
    const places = limiter(1)
    const { signal } = new AbortController()
    const leave = await places.enter(signal)
    const entered: string[] = []
    const waits = (name: string): Promise<void> =>
      places.enter(signal).then(leave => {
        entered.push(name)
        leave?.()
      })
    const all = [waits('a'), waits('b'), waits('c')]
    leave?.()
    await Promise.all(all)
    expect(entered).toEqual(['a', 'b', 'c'])
  })

  it('sends away those whose signal aborts, and nobody else', async () => {
    const places = limiter(1)
    const [mine, other] = [new AbortController(), new AbortController()]
    const leave = await places.enter(mine.signal)
    const [waited, gone] = [places.enter(mine.signal), places.enter(other.signal)]
    other.abort()
    expect(await gone).toBeUndefined()
    leave?.()
    expect(await waited).toBeTypeOf('function')
  })

  it('passes the place on when its heir aborts in the same turn', async () => {
    const places = limiter(1)
    const [heir, next] = [new AbortController(), new AbortController()]
    const leave = await places.enter(next.signal)
    const [first, second] = [places.enter(heir.signal), places.enter(next.signal)]
    leave?.()
    heir.abort()
    expect(await first).toBeUndefined()
    expect(await second).toBeTypeOf('function')
  })

  it('listens once to a signal, however many wait with it', async () => {
    const places = limiter(1)
    const abort = new AbortController()
    await places.enter(abort.signal)
    const waiting = Array.from({ length: 1_000 }, () => places.enter(abort.signal))
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    abort.abort()
    expect(await Promise.all(waiting)).toEqual(Array(1_000).fill(undefined))
  })
})

describe('the rate limit', () => {
  /** Timers fire up to 15 ms late. */
  function lateClock(): Clock & { time: number } {
    const random = seededRandom(3)
    const clock = {
      time: 1_000,
      now: () => clock.time,
      monotonic: () => clock.time,
      after(ms: number, fn: () => void): () => void {
        clock.time += ms + random() * 15
        queueMicrotask(fn)
        return () => {}
      },
    }
    return clock
  }

  it('keeps its rate also where timers are late, and saves up nothing for later', async () => {
    const clock = lateClock()
    const rate = rateLimit(500, clock)
    const { signal } = new AbortController()
    for (let n = 0; n < 500; n++) if (!rate.tryTake(1)) await rate.take(1, signal)
    expect(clock.time - 1_000).toBeGreaterThan(950)
    expect(clock.time - 1_000).toBeLessThan(1_050)
    clock.time += 60_000
    let burst = 0
    while (rate.tryTake(1)) burst += 1
    expect(burst).toBeLessThanOrEqual(11) // what a timer may be late
  })
})
