import { describe, expect, it } from 'vitest'
import { floodGuard } from './flood-guard.ts'

describe('flood guard', () => {
  it('lets 50 die whatever the share, then stops and names what most died of', () => {
    const guard = floodGuard(0.2)
    let died = 0
    while (died < 1_000 && guard.mayDie(died, died % 5 === 0 ? 'rare' : 'schema: cents')) died += 1
    expect(died).toBe(50)
    expect(guard.dominating).toEqual({ cause: 'schema: cents', count: 40 })
  })

  it('does not stop while the share is small', () => {
    const guard = floodGuard(0.2)
    for (let i = 0; i < 10_000; i++) {
      guard.survived(i, 9)
      expect(guard.mayDie(i, 'poison')).toBe(true)
    }
  })

  it('goes on when told, for as long as told', () => {
    const guard = floodGuard(0.2)
    while (guard.mayDie(0, 'x'));
    guard.allow(0, 600_000)
    for (let i = 0; i < 500; i++) expect(guard.mayDie(599_999, 'x')).toBe(true)
    expect(guard.mayDie(600_000, 'x')).toBe(false)
  })

  it('forgets after five minutes', () => {
    const guard = floodGuard(0.2)
    while (guard.mayDie(0, 'x'));
    expect(guard.mayDie(299_000, 'x')).toBe(false)
    expect(guard.mayDie(301_000, 'x')).toBe(true)
  })
})
