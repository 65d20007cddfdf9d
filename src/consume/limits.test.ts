import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { limiter } from './limits.ts'

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
