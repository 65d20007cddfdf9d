import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  admittedAtOnce,
  closedBreaker,
  nextBreakerState,
  resolveBreakerOptions,
  type BreakerInput,
  type BreakerState,
} from './breaker.ts'

/** What happens without an operator. */
type ByItself = Exclude<BreakerInput['kind'], 'forced-open' | 'forced-closed'>

const settings = resolveBreakerOptions({}, 'test')

function run(inputs: readonly (readonly [number, ByItself])[], from = closedBreaker(settings)): BreakerState {
  return inputs.reduce(
    (state, [now, kind]) => nextBreakerState(state, { kind }, { now, jitter: 1 }, settings),
    from,
  )
}

const opened = run([0, 1, 2, 3, 4].map(now => [now, 'outage'] as const))

describe('breaker', () => {
  it('has these defaults', () => {
    expect(settings).toEqual({
      failures: 5,
      windowMs: 60_000,
      probeAfterMs: 1_000,
      probeMaxMs: 15_000,
      closeAfter: 1,
    })
  })

  it('opens at the fifth outage within 60 s, and not when they are spread wider', () => {
    expect(opened).toEqual({ kind: 'OPEN', probeAt: 1_004, backoffMs: 1_000 })
    expect(run([0, 1, 2, 3, 60_001].map(now => [now, 'outage'] as const)).kind).toBe('CLOSED')
  })

  it('lets nothing through while it is open or asks, and one after the probe', () => {
    expect(admittedAtOnce(opened)).toBe(0)
    const asking = run([[1_004, 'probe-due']], opened)
    expect(asking.kind).toBe('HALF_OPEN')
    expect(admittedAtOnce(asking)).toBe(0)
    expect(admittedAtOnce(run([[1_010, 'probe-succeeded']], asking))).toBe(1)
  })

  it('hazard 54: an open breaker waits for a probe that succeeds, not for a time', () => {
    const waited = run(
      [
        [10_000_000, 'success'],
        [20_000_000, 'outage'],
      ],
      opened,
    )
    expect(waited).toBe(opened)
  })

  it('backs the probes off to 15 s', () => {
    let state = opened
    const waits: number[] = []
    for (let i = 0; i < 7; i++) {
      if (state.kind !== 'OPEN') throw new Error('not open')
      const due = state.probeAt
      state = run(
        [
          [due, 'probe-due'],
          [due, 'probe-failed'],
        ],
        state,
      )
      if (state.kind === 'OPEN') waits.push(state.probeAt - due)
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000])
  })

  it('hazard 51: widens 1, 2, 4, … after the probe, and one outage in the ramp opens it at once with a longer wait', () => {
    let state = run(
      [
        [1_004, 'probe-due'],
        [1_005, 'probe-succeeded'],
      ],
      opened,
    )
    const widths: number[] = []
    while (admittedAtOnce(state) !== Infinity) {
      const width = admittedAtOnce(state)
      if (widths.at(-1) !== width) widths.push(width)
      state = run([[2_000, 'success']], state)
    }
    expect(widths).toEqual([1, 2, 4, 8, 16, 32, 64])
    const ramping = run(
      [
        [1_004, 'probe-due'],
        [1_005, 'probe-succeeded'],
        [1_006, 'success'],
      ],
      opened,
    )
    expect(run([[1_010, 'outage']], ramping)).toEqual({
      kind: 'OPEN',
      probeAt: 1_010 + 2_000,
      backoffMs: 2_000,
    })
  })

  it('never admits while it is not closed, and never stays open once probes succeed, for any history', () => {
    const kinds: ByItself[] = ['success', 'outage', 'probe-due', 'probe-succeeded', 'probe-failed']
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(70_000)), { maxLength: 80 }),
        history => {
          let now = 0
          let state = closedBreaker(settings)
          for (const [kind, step] of history) {
            now += step
            const before = state
            state = nextBreakerState(before, { kind }, { now, jitter: 0.5 }, settings)
            // The only ways between states.
            const way = `${before.kind}→${state.kind}`
            expect([
              'CLOSED→CLOSED',
              'CLOSED→OPEN',
              'OPEN→OPEN',
              'OPEN→HALF_OPEN',
              'HALF_OPEN→HALF_OPEN',
              'HALF_OPEN→OPEN',
              'HALF_OPEN→CLOSED',
            ]).toContain(way)
            if (state.kind !== 'CLOSED') expect(admittedAtOnce(state)).toBe(0)
            if (state.kind === 'OPEN') {
              expect(state.probeAt - now).toBeLessThanOrEqual(settings.probeMaxMs)
              expect(state.backoffMs).toBeGreaterThanOrEqual(settings.probeAfterMs)
            }
          }
          if (state.kind === 'OPEN') state = run([[state.probeAt, 'probe-due']], state)
          if (state.kind === 'HALF_OPEN') state = run([[now + 60_000, 'probe-succeeded']], state)
          expect(state.kind).toBe('CLOSED')
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('refuses options that cannot work, by name', () => {
    expect(() => resolveBreakerOptions({ failures: 0 }, 'needs.geo')).toThrow(
      'needs.geo: failures must be a whole number from 1, got 0',
    )
    expect(() => resolveBreakerOptions({ probeAfter: '20s' }, 'needs.geo')).toThrow(
      'needs.geo: probeMax (15000 ms) must not be below probeAfter (20000 ms)',
    )
  })
})
