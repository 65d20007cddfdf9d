import { describe, expect, it } from 'vitest'
import { clicks, memoryLog } from '../../../test/harness/collector.ts'
import { openLog } from '../../../test/embedded/open.ts'
import { click, folder, idsIn, normal, spooling } from '../../../test/harness/spooling.ts'
import { until } from '../../../test/harness/until.ts'
import { memory } from '../../drivers/memory/index.ts'
import { seededRandom, silentLogger, systemClock } from '../../event/index.ts'
import { spoolContents } from './contents.ts'

describe('a collector whose log is away', () => {
  it('answers as ever while the log is there, and writes nothing to the spool', async () => {
    const r = await spooling()
    const answer = await r.post(click('a'))
    expect([answer.status, answer.headers.get('collector-durability')]).toEqual([202, 'memory'])
    expect(r.spool.status()).toMatchObject({ state: 'NORMAL', events: 0, oldestAgeMs: 0 })
    expect(await idsIn(r)).toEqual(['a'])
  })

  it.each(['stalled', 'failing', 'held'] as const)(
    'answers 202 from the spool when appends are %s, and drains it in order when they are not any more',
    async weather => {
      const r = await spooling()
      await r.post(click('before'))
      await r.remote.become(weather)
      const ids = Array.from({ length: 30 }, (_, i) => `e${i}`)
      for (const id of ids) {
        const answer = await r.post(click(id))
        expect([answer.status, answer.headers.get('collector-durability')]).toEqual([202, 'spool'])
      }
      expect(r.remote.met).toBeGreaterThan(0)
      expect(r.spool.status()).toMatchObject({ state: 'SPOOLING', events: 30 })
      expect(await idsIn(r)).toEqual(['before'])
      await r.remote.become('fine')
      await normal(r)
      expect(await idsIn(r)).toEqual(['before', ...ids])
      const after = await r.post(click('after'))
      expect(after.headers.get('collector-durability')).toBe('memory')
      expect((await idsIn(r)).at(-1)).toBe('after')
    },
  )

  it('hazard 31: stores again what may have been stored, before everything newer of the key', async () => {
    const r = await spooling()
    await r.remote.become('unanswered')
    const answer = await r.post(click('a'))
    expect([answer.status, answer.headers.get('collector-durability')]).toEqual([202, 'spool'])
    await r.post(click('b'))
    await r.remote.become('fine')
    await normal(r)
    const ids = await idsIn(r)
    expect(ids.filter(id => id === 'a').length).toBeGreaterThan(1)
    expect([...new Set(ids)]).toEqual(['a', 'b'])
  })

  it('keeps events of a key behind those of it that are spooled, while other keys go past', async () => {
    const r = await spooling()
    await r.remote.become('stalled', 'c1')
    const durability = async (id: string, key: string): Promise<unknown> =>
      (await r.post(click(id, key))).headers.get('collector-durability')
    expect(await durability('a', 'c1')).toBe('spool')
    expect(await durability('x', 'c4')).toBe('memory')
    expect(await durability('b', 'c1')).toBe('spool')
    expect(r.spool.status()).toMatchObject({ state: 'SPOOLING', events: 2 })
    expect(await idsIn(r)).toEqual(['x'])
    await r.remote.become('fine')
    await normal(r)
    expect((await idsIn(r)).filter(id => id !== 'x')).toEqual(['a', 'b'])
  })

  it('takes a batch of several topics apart: each event is where its answer says', async () => {
    const r = await spooling()
    await r.remote.become('stalled')
    const answer = await r.post(`[${click('a')},{"type":"note","id":"n","data":1},${click('b', 'c2')}]`)
    expect([answer.status, answer.json.accepted, answer.headers.get('collector-durability')]).toEqual([
      202,
      3,
      'spool',
    ])
    await r.remote.become('fine')
    await normal(r)
    expect((await idsIn(r)).toSorted()).toEqual(['a', 'b', 'n'])
  })

  it('finds an event by its receipt: spooled, and then logged, for its own tenant only', async () => {
    const r = await spooling()
    await r.remote.become('stalled')
    const { json } = await r.post(click('a'))
    const path = `/v1/receipts/${json.receipt}`
    expect((await r.get(path)).json).toMatchObject({ status: 'spooled', id: 'a', durability: 'spool' })
    expect((await r.get(path, { 'x-api-key': 'pk_else' })).status).toBe(404)
    await r.remote.become('fine')
    await normal(r)
    const found = (await r.get(path)).json
    expect(found).toMatchObject({
      receipt: json.receipt,
      status: 'logged',
      id: 'a',
      topic: 'events.raw',
      offset: '0',
    })
    expect((await r.get(path, { 'x-api-key': 'pk_else' })).status).toBe(404)
  })

  it('is ready, and says that the log is away', async () => {
    const r = await spooling()
    expect(await r.collector.ready()).toEqual({ ready: true, note: undefined })
    await r.remote.become('stalled')
    await r.post(click('a'))
    await until('the note', async () => {
      const readiness = await r.collector.ready()
      return readiness.ready && readiness.note?.includes('the log is away')
    })
  })

  it('hazard 13: is not ready when neither the log nor the spool takes anything', async () => {
    const r = await spooling()
    await r.remote.become('stalled')
    await r.storage.close()
    expect(await r.collector.ready()).toMatchObject({ ready: false })
  })

  it('starts while the log is away, and is ready', async () => {
    const log = await memoryLog(systemClock)
    const isMade = { topic: false }
    const r = await spooling({
      log,
      declare: async topic => {
        await r.remote.log.append(topic, []) // refused as everything is
        isMade.topic = true
      },
    })
    await r.remote.become('stalled')
    expect(await r.collector.ready()).toMatchObject({ ready: true })
    expect((await r.post(click('a'))).headers.get('collector-durability')).toBe('spool')
    expect(isMade.topic).toBe(false)
    await r.remote.become('fine')
    await normal(r)
    expect(isMade.topic).toBe(true)
    expect(await idsIn(r)).toEqual(['a'])
  })

  it('goes on where it stood after a restart, also behind what it had not drained', async () => {
    const log = await memoryLog(systemClock)
    const at = await folder()
    const before = await spooling({ log, folder: at })
    await before.remote.become('stalled')
    for (const id of ['a', 'b', 'c']) await before.post(click(id))
    await before.close()
    const after = await spooling({ log, folder: at })
    expect((await after.post(click('d'))).status).toBe(202)
    await normal(after)
    expect(await idsIn(after)).toEqual(['a', 'b', 'c', 'd'])
    await after.close()
    // What is drained is not drained again.
    const last = await spooling({ log, folder: at })
    expect(last.spool.status().events).toBe(0)
    expect(last.drained()).toBe(0)
  })

  it('goes on within a batch that the log had taken in part', async () => {
    const log = await memoryLog(systemClock)
    const at = await folder()
    const before = await spooling({ log, folder: at })
    await before.remote.become('stalled')
    const ids = ['a', 'b', 'c', 'd']
    await before.post(`[${ids.map(id => click(id)).join()}]`)
    before.remote.allow(1)
    await until('one is drained', () => before.drained() === 1)
    await before.close()
    const left = await openLog(at, { idIndexBytes: 0 })
    expect(await spoolContents(left)).toMatchObject({ events: 3 })
    await left.close()
    const after = await spooling({ log, folder: at })
    await normal(after)
    expect(after.drained()).toBe(3)
    expect(await idsIn(after)).toEqual(ids)
  })

  it('keeps the lanes of a topic that grew until they are empty, so that no key overtakes itself', async () => {
    const at = await folder()
    const seen = await openLog(at, { idIndexBytes: 0 })
    await seen.log.topics.create(clicks.name, { partitions: 2 })
    await seen.log.append(clicks.name, [
      {
        key: 'c1',
        partition: 0,
        value: Buffer.from('{}'),
        headers: { ce_id: 'old', ce_source: 's', ce_type: 'click' },
      },
    ])
    await seen.close()
    const r = await spooling({ folder: at })
    expect((await r.storage.log.topics.describe(clicks.name))?.partitions).toBe(2)
    await normal(r)
    await r.close()
    const again = await spooling({ folder: at })
    expect((await again.storage.log.topics.describe(clicks.name))?.partitions).toBe(4)
  })

  it('hazard 17: answers 503 and is not ready when the spool is full, drops nothing, and goes on when there is room', async () => {
    const r = await spooling({ maxBytes: 4 * 1024 * 1024 })
    await r.remote.become('stalled')
    const fill = 'x'.repeat(200_000)
    const kept: string[] = []
    for (let i = 0; ; i++) {
      const answer = await r.post(
        JSON.stringify({ type: 'click', id: `e${i}`, data: { campaignId: 'c1', fill } }),
      )
      if (answer.status === 202) kept.push(`e${i}`)
      else {
        expect([answer.status, answer.json.code]).toEqual([503, 'not_stored'])
        break
      }
    }
    expect(kept.length).toBeGreaterThan(3)
    expect(await r.collector.ready()).toMatchObject({ ready: false })
    await r.remote.become('fine')
    await normal(r)
    expect(await idsIn(r)).toEqual(kept)
    expect((await r.post(click('after'))).status).toBe(202)
  })

  it('answers 503 when the oldest event in it is older than maxAge', async () => {
    const r = await spooling({ maxAge: '1s' })
    await r.remote.become('stalled')
    expect((await r.post(click('a'))).status).toBe(202)
    let sent = 0
    const refused = await until('the age', async () => {
      const answer = await r.post(click(`b${++sent}`))
      return answer.status === 503 ? answer : undefined
    })
    expect(refused.json.code).toBe('not_stored')
    await r.remote.become('fine')
    await normal(r)
    expect((await idsIn(r))[0]).toBe('a')
  })

  it('hazard 28: does not spool what the log would never take', async () => {
    const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }
    const { log } = await memory({ maxRecordBytes: 2_000 }).open(env)
    const r = await spooling({ log })
    await r.remote.become('stalled')
    const large = { type: 'click', id: 'large', data: { campaignId: 'c1', fill: 'x'.repeat(2_000) } }
    const answer = await r.post(`[${click('a')},${JSON.stringify(large)},${click('b')}]`)
    expect(answer.json.results.map(({ status }: { status: number }) => status)).toEqual([202, 413, 202])
    await r.remote.become('fine')
    await normal(r)
    expect(await idsIn(r)).toEqual(['a', 'b'])
  })

  it('hazard 29: does not switch for a topic that is not there', async () => {
    const log = await memoryLog(systemClock)
    const r = await spooling({ log })
    await log.topics.delete('notes')
    const answer = await r.post('{"type":"note","data":1}')
    expect([answer.status, answer.json.code]).toEqual([503, 'not_stored'])
    expect(r.spool.status()).toMatchObject({ state: 'NORMAL', events: 0 })
  })
})
