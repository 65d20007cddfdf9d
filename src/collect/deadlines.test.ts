import { describe, expect, it } from 'vitest'
import type { Clock } from '../event/index.ts'
import { deadlines } from './deadlines.ts'

/** Time that passes when told. */
function manual(): {
  readonly clock: Clock
  readonly pass: (ms: number) => void
  readonly timers: () => number
} {
  let now = 0
  const timers = new Set<{ readonly at: number; readonly fn: () => void }>()
  return {
    clock: {
      now: () => now,
      monotonic: () => now,
      after(ms, fn) {
        const timer = { at: now + ms, fn }
        timers.add(timer)
        return () => void timers.delete(timer)
      },
    },
    timers: () => timers.size,
    pass(ms) {
      for (const end = now + ms; now < end;) {
        now++
        for (const timer of timers) {
          if (timer.at > now) continue
          timers.delete(timer)
          timer.fn()
        }
      }
    },
  }
}

describe('deadlines', () => {
  it('come at most a quarter late, each once, and never when they were called off', () => {
    const { clock, pass } = manual()
    const waits = deadlines(100, clock)
    const late: string[] = []
    waits.start(() => late.push(`a ${clock.now()}`))
    pass(60)
    waits.start(() => late.push(`b ${clock.now()}`))
    waits.start(() => late.push('called off')).end()
    pass(39)
    expect(late).toEqual([])
    pass(26)
    expect(late).toHaveLength(1)
    pass(1_000)
    expect(late).toEqual([expect.stringMatching(/^a 1[012]\d$/), expect.stringMatching(/^b 1[678]\d$/)])
  })

  it('share one timer, which ends with the last of them', () => {
    const { clock, pass, timers } = manual()
    const waits = deadlines(100, clock)
    const all = Array.from({ length: 50 }, () => waits.start(() => {}))
    expect(timers()).toBe(1)
    for (const wait of all) wait.end()
    pass(30)
    expect(timers()).toBe(0)
    waits.start(() => {})
    waits.close()
    expect(timers()).toBe(0)
  })
})
