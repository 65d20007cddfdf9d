import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { observed } from '../../../test/harness/observed.ts'
import { scale } from '../../../test/harness/scale.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { isCommit, startProxy } from '../../../test/proxy.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'
import { World } from '../../sink/suite/index.ts'
import type { Sink } from '../../sink/index.ts'

const database = testDatabase()

/** A world whose second sink goes through a proxy. */
async function worldThroughProxy(): Promise<{
  world: World
  sink: Sink
  proxy: Awaited<ReturnType<typeof startProxy>>
}> {
  const proxy = await startProxy(database.url)
  const direct = await sinkUnderTest(database.url)
  const through = await sinkUnderTest(proxy.through(database.url))
  onTestFinished(async () => {
    await through.dispose()
    await direct.dispose()
  })
  return { world: new World(direct), sink: through.sink, proxy }
}

beforeAll(async () => {
  const under = await sinkUnderTest(database.url)
  await World.prepare(under)
  await under.dispose()
})

describe('a connection that dies', () => {
  it('hazard 64: at COMMIT, before or after the server has it, a hundred times: every effect is there once', async () => {
    const { world, sink, proxy } = await worldThroughProxy()
    const lease = await world.lease({}, sink)
    const times = scale({ short: 100, long: 2_000 })
    let armed = false
    let lost = 0
    proxy.decide = message => {
      if (!armed || !isCommit(message)) return 'forward'
      armed = false
      return lost++ % 2 === 0 ? 'deliver-and-cut' : 'cut'
    }
    for (let i = 0; i < times; i++) {
      armed = true
      // Batches as well: what became of each record must be told apart again.
      const records = Array.from({ length: 1 + (i % 3) }, (_, part) => world.record(`${i}-${part}`))
      expect(await world.kinds(lease, records, undefined, {}, sink)).toEqual(records.map(() => 'applied'))
    }
    const effects = await world.effects()
    expect(new Set(effects).size).toBe(effects.length)
    expect(effects.length).toBe(Array.from({ length: times }, (_, i) => 1 + (i % 3)).reduce((a, b) => a + b))
    expect(lost).toBe(times)
    expect(proxy.cuts).toBe(times)
    observed(`${proxy.cuts} connections cut at COMMIT, half of them after the server had it`)
  })

  it('hazard 58: before or after any statement of the transaction: the effect is there once', async () => {
    const { world, sink, proxy } = await worldThroughProxy()
    const lease = await world.lease({}, sink)
    let boundaries = 0
    for (const fate of ['cut', 'deliver-and-cut'] as const) {
      for (let boundary = 0; ; boundary++) {
        let statements = 0
        const cutsBefore = proxy.cuts
        // A simple query is one message, an extended one ends with sync.
        proxy.decide = ({ type }) =>
          (type === 'Q' || type === 'S') && statements++ === boundary ? fate : 'forward'
        const records = [world.record(`${fate}-${boundary}`), world.record(`${fate}-${boundary}-b`)]
        expect(await world.kinds(lease, records, undefined, {}, sink)).toEqual(['applied', 'applied'])
        if (proxy.cuts === cutsBefore) break
        boundaries++
      }
    }
    const effects = await world.effects()
    expect(new Set(effects).size).toBe(effects.length)
    expect(effects.length).toBe(2 * (boundaries + 2))
    // begin with fence and inbox, the effect, COMMIT; each from both sides.
    expect(boundaries).toBe(6)
    observed(`${boundaries} statement boundaries cut`)
  })

  it('asks nothing of the connection that a pooler in transaction mode refuses', async () => {
    const { world, sink, proxy } = await worldThroughProxy()
    const lease = await world.lease({}, sink)
    await world.kinds(lease, [world.record('a'), world.record('b')], undefined, {}, sink)
    const startups = proxy.messages.filter(({ type }) => type === 'startup')
    expect(startups.length).toBeGreaterThan(0)
    for (const { body } of startups) expect(body).not.toMatch(/\0(options|statement_timeout|lock_timeout)\0/)
    const parses = proxy.messages.filter(({ type }) => type === 'P')
    expect(parses.length).toBeGreaterThan(0)
    expect(parses.filter(({ body }) => !body.startsWith('\0'))).toEqual([])
    const settings = proxy.messages.filter(({ body }) =>
      /\bset (?!local\b|constraints\b|epoch\b|below\b)/i.test(body),
    )
    expect(settings.map(({ body }) => body)).toEqual([])
  })
})
