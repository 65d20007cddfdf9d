import { describe, expect, it } from 'vitest'
import { floodGuard } from './flood-guard.ts'

describe('flood guard', () => {
  it('lets 50 die whatever the share, then stops and names what most died of', () => {
    const guard = floodGuard(0.2)
    let died = 0
    while (died < 1_000 && guard.mayDie(died, died % 5 === 0 ? 'rare' : 'schema: cents', undefined)) died += 1
    expect(died).toBe(50)
    expect(guard.dominating).toEqual({ cause: 'schema: cents', count: 40 })
  })

  it('does not stop while the share is small', () => {
    const guard = floodGuard(0.2)
    for (let i = 0; i < 10_000; i++) {
      for (let n = 0; n < 9; n++) guard.survived(i, undefined)
      expect(guard.mayDie(i, 'poison', undefined)).toBe(true)
    }
  })

  it('goes on when told, for as long as told', () => {
    const guard = floodGuard(0.2)
    while (guard.mayDie(0, 'x', undefined));
    guard.allow(0, 600_000)
    for (let i = 0; i < 500; i++) expect(guard.mayDie(599_999, 'x', undefined)).toBe(true)
    expect(guard.mayDie(600_000, 'x', undefined)).toBe(false)
  })

  it('forgets after five minutes', () => {
    const guard = floodGuard(0.2)
    while (guard.mayDie(0, 'x', undefined));
    expect(guard.mayDie(299_000, 'x', undefined)).toBe(false)
    expect(guard.mayDie(301_000, 'x', undefined)).toBe(true)
  })

  describe('where tenants share a group', () => {
    const sixty = (guard: ReturnType<typeof floodGuard>, survives: string): void => {
      for (let n = 0; n < 60; n++) guard.survived(0, survives)
    }

    it('hazard 88: lets the events of one die while those of the others are done, up to 50,000', () => {
      const guard = floodGuard(0.2)
      sixty(guard, 'quiet')
      let died = 0
      while (died < 100_000 && guard.mayDie(0, 'data', 'noisy')) died += 1
      expect(died).toBe(50_000)
    })

    it('forgets after five minutes what died of one, and what the others came through', () => {
      const guard = floodGuard(0.2)
      sixty(guard, 'quiet')
      for (let n = 0; n < 40_000; n++) guard.mayDie(0, 'data', 'noisy')
      const later = 301_000
      for (let n = 0; n < 60; n++) guard.survived(later, 'quiet')
      let died = 0
      while (died < 100_000 && guard.mayDie(later, 'data', 'noisy')) died += 1
      expect(died).toBe(50_000)
      const last = 2 * later
      for (let n = 0; n < 40; n++) guard.survived(last, 'quiet')
      for (died = 0; died < 1_000 && guard.mayDie(last, 'data', 'noisy');) died += 1
      expect(died).toBe(50) // 40 that were done prove nothing
    })

    it('still stops what is about all of them, also when most are of one', () => {
      const guard = floodGuard(0.2)
      sixty(guard, 'quiet')
      for (let n = 0; n < 500; n++) expect(guard.mayDie(0, 'data', 'noisy')).toBe(true)
      let died = 0
      while (died < 1_000 && guard.mayDie(0, 'schema', 'quiet')) died += 1
      expect(died).toBe(15) // a fifth of the 75 of that tenant
    })

    it('takes what few others have done for no proof, and nobody for a tenant', () => {
      for (const [tenant, others] of [
        ['noisy', 49],
        [undefined, 1_000],
      ] as const) {
        const guard = floodGuard(0.2)
        for (let n = 0; n < others; n++) guard.survived(0, 'quiet')
        let died = 0
        while (died < 10_000 && guard.mayDie(0, 'data', tenant)) died += 1
        expect([tenant, died]).toEqual([tenant, tenant ? 50 : 250])
      }
    })
  })
})
