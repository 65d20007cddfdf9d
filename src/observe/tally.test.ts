import { Histogram, Registry } from 'prom-client'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tallyCounter, tallyHistogram } from './tally.ts'

const buckets = [0.005, 0.5, 30]

describe('a tally', () => {
  it('of a histogram is exposed exactly as prom-client exposes its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b"\n'), fc.constantFrom(0, 0.005, 0.0051, 0.5, 29, 30, 31))),
        async observations => {
          const [ours, theirs] = [new Registry(), new Registry()]
          const options = { name: 'seconds', help: 'how long', labelNames: ['topic'] as const }
          const series = tallyHistogram({ ...options, buckets, registry: ours })
          const their = new Histogram({ ...options, buckets, registers: [theirs] })
          const tallies = new Map(['a', 'b"\n'].map(topic => [topic, series({ topic })]))
          for (const topic of tallies.keys()) their.zero({ topic })
          for (const [topic, value] of observations) {
            tallies.get(topic)?.observe(value)
            their.observe({ topic }, value)
          }
          expect(await ours.metrics()).toBe(await theirs.metrics())
        },
      ),
    )
  })

  it('of a counter is told once for each time it grew, however often it is asked for', async () => {
    const registry = new Registry()
    const series = tallyCounter({ name: 'n_total', help: 'how many', labelNames: ['topic'], registry })
    const one = series({ topic: 't' })
    expect(await registry.metrics()).toContain('n_total{topic="t"} 0')
    one.value += 3
    expect(await registry.metrics()).toContain('n_total{topic="t"} 3')
    expect(await registry.metrics()).toContain('n_total{topic="t"} 3')
  })
})
