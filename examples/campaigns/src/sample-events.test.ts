import { describe, expect, it } from 'vitest'
import { raw } from './events.ts'
import { sampleEvent } from './sample-events.ts'

describe('sample events', () => {
  // A linear congruential generator: the same events at every run.
  let state = 7
  const random = (): number => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
  const events = Array.from({ length: 2_000 }, () => sampleEvent(random))

  it('all fit the schema of their type', () => {
    for (const event of events) {
      expect(raw.types.get(event.type)?.check(event)).toMatchObject({ kind: 'valid' })
    }
  })

  it('hold every type, and some bots', () => {
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['impression', 'click', 'conversion']))
    const bots = events.filter(({ visitor }) => visitor.userAgent.includes('Googlebot'))
    expect(bots.length).toBeGreaterThan(20)
    expect(bots.length).toBeLessThan(100)
  })
})
