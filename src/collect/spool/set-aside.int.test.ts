import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { clicks, memoryLog } from '../../../test/harness/collector.ts'
import { click, folder, idsIn, normal, spooling, type SpoolRig } from '../../../test/harness/spooling.ts'
import { until } from '../../../test/harness/until.ts'
import { HoldfastError, offset, systemClock } from '../../event/index.ts'
import type { AppendRecord, Log } from '../../log/index.ts'
import { spoolContents } from './contents.ts'
import { keptRecord, SET_ASIDE_TOPIC } from './set-aside-record.ts'

const large = (id: string, campaignId = 'c1'): string =>
  JSON.stringify({ type: 'click', id, data: { campaignId, fill: 'x'.repeat(3_000) } })

/** A collector that has set aside these, in front of a log that takes as much as `limit` says. */
async function settingAside(
  ids: readonly string[],
): Promise<SpoolRig & { readonly at: string; readonly narrow: Log; readonly limit: { bytes: number } }> {
  const limit = { bytes: Infinity }
  const narrow = narrowing(await memoryLog(systemClock), () => limit.bytes)
  const at = await folder()
  const r = await spooling({ log: narrow, folder: at })
  await r.remote.become('stalled')
  for (const id of ids) {
    await r.post(large(id))
    await r.post(click(`after ${id}`))
  }
  limit.bytes = 2_000
  await r.remote.become('fine')
  await until('they are set aside', () => r.spool.status().setAside.events === ids.length)
  await normal(r)
  return { ...r, at, narrow, limit }
}

async function setAsideIn({ spool }: SpoolRig): Promise<string[]> {
  const ids: string[] = []
  for await (const { record } of spool.setAside.list({})) ids.push(record.headers['ce_id'] ?? '')
  return ids
}

const never = new AbortController().signal

/** A log whose topics were set to take less than what they took before. Refuses as Kafka does: with others stored. */
function narrowing(log: Log, limit: () => number, refused: () => void = () => {}): Log {
  const isLarge = ({ value }: AppendRecord): boolean => (value?.length ?? 0) > limit()
  return new Proxy(log, {
    get(of, name) {
      if (name !== 'append') {
        const found: unknown = Reflect.get(of, name)
        return typeof found === 'function' ? (found.bind(of) as unknown) : found
      }
      return async (topic: string, records: readonly AppendRecord[]) => {
        const index = records.findIndex(isLarge)
        if (index === -1) return of.append(topic, records)
        refused()
        const fitting = records.filter(record => !isLarge(record))
        const error = new HoldfastError('LOG_RECORD_TOO_LARGE', { detail: 'x', facts: { topic, index } })
        if (fitting.length === 0) throw error
        await of.append(topic, fitting)
        throw new HoldfastError('LOG_FAILED', { detail: 'some are stored', cause: error })
      }
    },
  })
}

describe('events of a spool that the log finds too large by now', () => {
  it('hazard 28: sets aside what the log finds too large by now, keeps the order of everything else, and sends it when the log takes it again', async () => {
    const log = await memoryLog(systemClock)
    let limit = Infinity
    const narrow = narrowing(log, () => limit)
    const at = await folder()
    const r = await spooling({ log: narrow, folder: at })
    await r.remote.become('stalled')
    for (const body of [click('a'), large('large'), click('b'), click('c', 'c4')])
      expect((await r.post(body)).headers.get('collector-durability')).toBe('spool')
    limit = 2_000
    await r.remote.become('fine')
    await until('the others are there', () => r.spool.status().state === 'NORMAL')
    // What the log had taken beside it is there twice, which the inbox knows; nothing comes before what is older.
    const ids = new Set(await idsIn(r))
    expect([...ids].filter(id => id !== 'c')).toEqual(['a', 'b'])
    expect(ids).toContain('c')
    const one = { events: 1, topics: [{ topic: clicks.name, events: 1 }] }
    expect(r.spool.status()).toMatchObject({ events: 0, setAside: one })
    expect(await spoolContents(r.storage)).toMatchObject({ events: 0, setAside: one })

    // Started anew while nothing has changed: it stays, once.
    await r.close()
    const again = await spooling({ log: narrow, folder: at })
    await again.post(click('d'))
    expect(again.spool.status()).toMatchObject({ events: 0, setAside: one })
    await again.close()

    limit = Infinity
    const last = await spooling({ log: narrow, folder: at })
    await until('it was sent', () => last.spool.status().setAside.events === 0)
    expect((await idsIn(last)).filter(id => id === 'large')).toEqual(['large'])
    expect(await spoolContents(last.storage)).toMatchObject({ events: 0, setAside: { events: 0 } })
  })

  it('gives back what it has set aside when it is told, in its order behind what is newer, and what is refused again stays', async () => {
    const r = await settingAside(['a', 'b', 'c'])
    const refused = await r.spool.setAside.giveBack({}, never)
    expect(refused).toMatchObject({ returned: 0, refused: 3, stopped: undefined })
    expect(refused.refusals.map(({ id }) => id)).toEqual(['sa_0', 'sa_1', 'sa_2'])
    expect(await setAsideIn(r)).toEqual(['a', 'b', 'c'])
    r.limit.bytes = Infinity
    expect(await r.spool.setAside.giveBack({ ids: ['sa_1'] }, never)).toMatchObject({
      returned: 1,
      refused: 0,
    })
    expect(await setAsideIn(r)).toEqual(['a', 'c'])
    expect(await r.spool.setAside.giveBack({ topic: clicks.name }, never)).toMatchObject({ returned: 2 })
    expect(r.spool.status().setAside).toEqual({ events: 0, since: undefined, topics: [] })
    const ids = [...new Set(await idsIn(r))]
    expect(ids).toEqual(['after a', 'after b', 'after c', 'b', 'a', 'c'])
    await r.close()
    const again = await spooling({ log: r.narrow, folder: r.at })
    expect(again.spool.status().setAside.events).toBe(0)
    expect((await idsIn(again)).filter(id => ['a', 'b', 'c'].includes(id))).toHaveLength(3)
  })

  it('keeps what was sent with an unknown outcome, and what was not tried, until the log has it', async () => {
    const r = await settingAside(['a', 'b'])
    r.limit.bytes = Infinity
    await r.remote.become('unanswered')
    expect(await r.spool.setAside.giveBack({}, never)).toMatchObject({
      returned: 0,
      refused: 0,
      stopped: expect.stringContaining('on command') as string,
    })
    expect(await setAsideIn(r)).toEqual(['a', 'b'])
    await r.remote.become('fine')
    expect(await r.spool.setAside.giveBack({}, never)).toMatchObject({ returned: 2, stopped: undefined })
    expect((await idsIn(r)).filter(id => id === 'a' || id === 'b')).toEqual(['a', 'a', 'b'])
  })

  it('discards what it is told of what it has set aside, and nothing else, over a restart', async () => {
    const r = await settingAside(['a', 'b', 'c'])
    expect(r.spool.setAside.count({ ids: ['sa_1'] })).toEqual([{ topic: clicks.name, events: 1 }])
    expect(await r.spool.setAside.discard({ ids: ['sa_1'] })).toBe(1)
    expect(await setAsideIn(r)).toEqual(['a', 'c'])
    await r.close()
    const again = await spooling({ log: r.narrow, folder: r.at })
    await normal(again)
    expect(await setAsideIn(again)).toEqual(['a', 'c'])
    expect(await again.spool.setAside.discard({})).toBe(2)
    await again.close()
    const last = await spooling({ log: r.narrow, folder: r.at })
    expect(last.spool.status().setAside.events).toBe(0)
    expect(await idsIn(last)).not.toContain('b')
  })

  it.each([
    ['still', 2_000, ['large']],
    ['no longer', Infinity, []],
  ] as const)(
    'has once what was set aside before a crash and is in its lane all the same, when it is %s too large',
    async (_, bytes, left) => {
      const limit = { bytes: Infinity }
      const log = narrowing(await memoryLog(systemClock), () => limit.bytes)
      const at = await folder()
      const before = await spooling({ log, folder: at })
      await before.remote.become('stalled')
      await before.post(large('large'))
      await before.post(click('b'))
      // As a crash leaves it: durable beside the lanes, and the cursor of its lane before it.
      const lanes = [0, 1, 2, 3].map(partition => ({ topic: clicks.name, partition, offset: offset(0) }))
      const page = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
      const read = await Promise.all(lanes.map(lane => before.storage.log.read(lane, page, never)))
      const [record] = read.flatMap(({ records }) => records)
      if (!record) throw new Error('nothing is in the lanes')
      await before.storage.log.append(SET_ASIDE_TOPIC, [keptRecord(record, 'too large')])
      await before.close()

      limit.bytes = bytes
      const after = await spooling({ log, folder: at })
      await normal(after)
      await until('those that are left', async () => isDeepStrictEqual(await setAsideIn(after), left))
      limit.bytes = Infinity
      await after.close()
      const last = await spooling({ log, folder: at })
      await until('all are sent', () => last.spool.status().setAside.events === 0)
      expect((await idsIn(last)).filter(id => id === 'large')).toEqual(['large'])
    },
  )

  it('hazard 17: waits when the spool is too full to set anything aside, sends nothing again meanwhile, and goes on when the topic takes it', async () => {
    let bytes = Infinity
    let refusals = 0
    const isTold = (): void => void (refusals += 1)
    const log = narrowing(await memoryLog(systemClock), () => bytes, isTold)
    const r = await spooling({ log, maxBytes: 4 * 1024 * 1024 })
    await r.remote.become('stalled')
    const sent = ['first', 'a']
    for (const id of sent) await r.post(click(id))
    for (let n = 0; ; n++) {
      const data = { campaignId: 'c1', fill: 'x'.repeat(200_000) }
      const { status } = await r.post(JSON.stringify({ type: 'click', id: `e${n}`, data }))
      if (status !== 202) break
      sent.push(`e${n}`)
    }
    bytes = 2_000
    await r.remote.become('fine')
    await until('it says why', () => r.spool.status().reason?.includes('has no room'))
    const copies = async (): Promise<number> => (await idsIn(r)).filter(id => id === 'a').length
    const [before, seen] = [await copies(), refusals]
    await until('it was tried again', () => refusals > seen)
    expect(await copies()).toBe(before)
    bytes = Infinity
    await normal(r)
    expect([...new Set(await idsIn(r))]).toEqual(sent)
  })

  it('finds an event that is set aside by its receipt', async () => {
    const limit = { bytes: Infinity }
    const r = await spooling({ log: narrowing(await memoryLog(systemClock), () => limit.bytes) })
    await r.remote.become('stalled')
    const { json } = await r.post(large('a'))
    const receipt = async (): Promise<unknown> => (await r.get(`/v1/receipts/${json.receipt}`)).json
    limit.bytes = 2_000
    await r.remote.become('fine')
    await until('it is set aside', () => r.spool.status().setAside.events === 1)
    await normal(r)
    expect(await receipt()).toMatchObject({ status: 'spooled', id: 'a' })
    limit.bytes = Infinity
    await r.spool.setAside.giveBack({}, never)
    expect(await receipt()).toMatchObject({ status: 'logged', id: 'a' })
  })
})
