import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { ownPostgres, testDatabase } from '../../../test/postgres.ts'
import { startProxy } from '../../../test/proxy.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'
import { silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { Sink } from '../../sink/index.ts'
import { World } from '../../sink/suite/index.ts'
import { postgres, type PostgresOptions } from './index.ts'

const database = testDatabase()

/** So short that a server which does not answer is given up within seconds. */
const impatient: PostgresOptions = { connectTimeout: '1s', lockTimeout: '500ms', takeOverGrace: '200ms' }

async function open(url: string, options = impatient): Promise<Sink> {
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const sink = await postgres(url, options).open(env)
  onTestFinished(() => sink.close())
  return sink
}

async function caught(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  return expect.fail('it did not reject')
}

const never = (): AbortSignal => new AbortController().signal

describe('hazard 52: an outage is told from bad data', () => {
  it('when the server is stopped, killed under work, and back: every event once, no blame on any', async () => {
    const server = await ownPostgres()
    const under = await sinkUnderTest(server.url, impatient)
    await World.prepare(under)
    const { sink } = under
    const world = new World(under)
    const lease = await world.lease()
    // Several idle connections, which the death of the server reports to the pool as well.
    await Promise.all([1, 2, 3, 4].map(i => world.kinds(lease, [world.record(`idle${i}`)])))
    const record = world.record('a')
    const working = caught(
      world.kinds(lease, [record], async tx => {
        await world.insertEffect(tx, ['a'])
        await server.kill()
        await world.insertEffect(tx, ['more'])
      }),
    )
    const error = await working
    expect(sink.isOutage(error), String(error)).toBe(true)
    expect(sink.isBadData(error)).toBe(false)
    const probe = await caught(sink.probe(never()))
    expect(probe.code).toBe('ECONNREFUSED')
    expect(sink.isOutage(probe)).toBe(true)
    observed(`in the transaction: ${error.message}; after it: ${probe.message}`)

    const again = await server.again()
    expect(again.url).toBe(server.url)
    await sink.probe(never())
    expect(await world.kinds(lease, [record])).toEqual(['applied'])
    await under.dispose()
    const after = await sinkUnderTest(server.url)
    const rows = await after.query(`select count(*)::int as n from effect where id = 'a'`)
    expect(rows).toEqual([{ n: 1 }])
    await after.dispose()
  })

  it('when the server stands still: nothing waits for ever, and closing does not either', async () => {
    const server = await ownPostgres()
    const under = await sinkUnderTest(server.url, impatient)
    const sink = await open(server.url)
    await World.prepare(under)
    const world = new World(under)
    const lease = await world.lease({}, sink)
    server.pause()
    const taking = await caught(world.lease({}, sink))
    expect(taking.code).toBe('ETIMEDOUT')
    expect(sink.isOutage(taking)).toBe(true)
    const stop = AbortSignal.timeout(300)
    const applying = await caught(world.kinds(lease, [world.record('a')], undefined, { signal: stop }, sink))
    expect(applying.name).toBe('TimeoutError')
    await sink.close()
    server.resume()
    await under.dispose()
    observed('a paused server gave ETIMEDOUT to a take-over and let go of an aborted apply')
  })

  it('when nobody answers a new connection', async () => {
    const proxy = await startProxy(database.url)
    proxy.door = 'silent'
    const sink = await open(proxy.through(database.url))
    const error = await caught(sink.probe(never()))
    expect(sink.isOutage(error), String(error)).toBe(true)
  })

  it('when the connection is refused, reset, or the name is not known', async () => {
    const proxy = await startProxy(database.url)
    proxy.door = 'refuse'
    for (const url of [proxy.through(database.url), 'postgres://127.0.0.1:1/x', 'postgres://no.invalid/x']) {
      const sink = await open(url)
      const error = await caught(sink.probe(never()))
      expect(sink.isOutage(error), `${url}: ${String(error)}`).toBe(true)
    }
  })

  it('when the server has no connection left, no such database, or refuses the user', async () => {
    const server = await ownPostgres({
      settings: { max_connections: '3', superuser_reserved_connections: '0' },
    })
    const wrong = new URL(server.url)
    wrong.password = 'wrong'
    const missing = new URL(server.url)
    missing.pathname = '/missing'
    const first = await sinkUnderTest(server.url)
    const hog = first.query('select pg_sleep(1)')
    const sinks = [await open(server.url), await open(server.url), await open(server.url)]
    const full = await Promise.all(sinks.map(sink => outcomeOf(sink.probe(never()))))
    expect(full.filter(error => error?.code === '53300').length).toBeGreaterThan(0)
    for (const error of full) if (error) expect(sinks[0]?.isOutage(error)).toBe(true)
    await hog
    await first.dispose()
    for (const sink of sinks) await sink.close()
    const codes: unknown[] = []
    for (const url of [wrong.href, missing.href]) {
      const sink = await open(url)
      const error = await caught(sink.probe(never()))
      codes.push(error.code)
      expect(sink.isOutage(error), String(error)).toBe(true)
    }
    expect(codes).toEqual(['28P01', '3D000'])
  })
})

it('mistake 10: a process with idle connections lives through the death of its database', async () => {
  const server = await ownPostgres()
  const child = await startChild({
    name: 'idle client',
    args: [
      '--conditions=holdfast-source',
      '--input-type=module',
      '-e',
      `
      import { postgres } from ${JSON.stringify(`${import.meta.dirname}/index.ts`)}
      import { silentLogger, systemClock, systemRandom } from ${JSON.stringify(`${import.meta.dirname}/../../event/index.ts`)}
      const sink = await postgres(${JSON.stringify(server.url)}).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
      await sink.probe(new AbortController().signal)
      console.log('idle')
      let lost = 0
      for (;;) {
        await new Promise(done => setTimeout(done, 50))
        const error = await sink.probe(new AbortController().signal).then(() => undefined, error => error)
        if (error && lost++ === 0) console.log('lost ' + sink.isOutage(error))
        if (!error && lost > 0) break
      }
      console.log('back')
      await sink.close()`,
    ],
  })
  await child.line(/^idle$/)
  await server.kill()
  expect((await child.line(/^lost (\w+)$/))[1]).toBe('true')
  await server.again()
  await child.line(/^back$/)
  expect(await child.exited).toMatchObject({ code: 0 })
  observed('the process saw the database gone and back, and ended by itself with 0')
})

function outcomeOf(promise: Promise<unknown>): Promise<(Error & { code?: string }) | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  )
}
