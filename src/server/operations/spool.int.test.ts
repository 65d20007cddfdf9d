import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLog } from '../../../test/embedded/open.ts'
import { openSpool, resolveSpoolOptions } from '../../collect/index.ts'
import { keptRecord, SET_ASIDE_TOPIC } from '../../collect/spool/set-aside-record.ts'
import { memory } from '../../drivers/memory/index.ts'
import { offset, seededRandom, silentLogger, systemClock } from '../../event/index.ts'
import { auditList } from './audit-list.ts'
import type { Operation, OperationHost } from './operation.ts'
import { perform } from './perform.ts'
import { spoolDiscard, spoolReturn } from './spool-decide.ts'
import { spoolExport, spoolList, spoolStatus } from './spool-list.ts'

const env = { clock: systemClock, random: seededRandom(1), logger: silentLogger }

/** With what a log of records up to 1,500 bytes finds too large: three events for `orders`, and one for `notes`. */
async function holding(): Promise<OperationHost> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spool-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const system = await memory({ maxRecordBytes: 1_500 }).open(env)
  const storage = await openLog(folder, { idIndexBytes: 0 })
  await storage.log.topics.create(SET_ASIDE_TOPIC, { partitions: 2 })
  for (const [n, topic] of ['orders', 'notes', 'orders', 'orders'].entries()) {
    const headers = { ce_id: `id-${n}`, ce_type: 'placed', ce_source: 'shop' }
    const value = Buffer.from(JSON.stringify({ n, fill: 'x'.repeat(3_000) }))
    const record = { topic, partition: 0, offset: offset(n), timestamp: 0, key: 'c', headers, value }
    await storage.log.append(SET_ASIDE_TOPIC, [keptRecord(record, 'takes 1,500')])
  }
  const spool = await openSpool({
    ...env,
    log: system.log,
    storage,
    topics: [],
    declare: async topic => system.log.topics.create(topic, { partitions: 1 }),
    options: resolveSpoolOptions({ folder }),
    observer: {},
  })
  onTestFinished(async () => {
    await spool.close()
    await storage.close()
    await system.close()
  })
  return { system, app: undefined, spool, ...env }
}

const actor = { name: 'ada', role: 'operator' } as const
const { signal } = new AbortController()

async function call<In extends object, Out extends object>(
  host: OperationHost,
  operation: Operation<In, Out>,
  input: In,
  intent: { readonly execute?: boolean; readonly reason?: string } = {},
): Promise<Out> {
  return await perform(host, { operation, input, actor, signal, ...intent })
}

describe('what a spool has set aside', () => {
  it('is shown and listed page by page, without payloads', async () => {
    const host = await holding()
    expect(await call(host, spoolStatus, {})).toMatchObject({
      state: 'NORMAL',
      setAside: 4,
      setAsideSince: expect.any(Number) as number,
      setAsideTopics: [
        { topic: 'orders', events: 3 },
        { topic: 'notes', events: 1 },
      ],
    })
    const { events, next } = await call(host, spoolList, { topic: 'orders', limit: 2 })
    expect(events).toMatchObject([
      { id: 'sa_0', eventId: 'id-0', eventType: 'placed', key: 'c', why: 'takes 1,500' },
      { id: 'sa_2', eventId: 'id-2' },
    ])
    expect(next).toBe('sa_2')
    const rest = await call(host, spoolList, { topic: 'orders', limit: 2, after: 'sa_2' })
    expect(rest.events.map(({ id }) => id)).toEqual(['sa_3'])
    expect(rest.next).toBeNull()
  })

  it('is exported whole', async () => {
    const { lines, next } = await call(await holding(), spoolExport, { ids: ['sa_1'] })
    expect(next).toBeNull()
    expect(lines.map(line => JSON.parse(line) as unknown)).toMatchObject([
      { setAside: 'sa_1', topic: 'notes', key: 'c', headers: { ce_id: 'id-1' }, data: { n: 1 } },
    ])
  })

  it('stays when the log refuses it again, and says why', async () => {
    const host = await holding()
    const { refusals, ...said } = await call(host, spoolReturn, { topic: 'notes' })
    expect(said).toMatchObject({ returned: 0, refused: 1, stopped: null, left: 4 })
    expect(refusals).toMatchObject([
      { id: 'sa_1', reason: expect.stringContaining('larger than the log takes') as string },
    ])
  })

  it('is discarded only when it is named, meant and explained, and the audit trail says by whom', async () => {
    const host = await holding()
    const left = async (): Promise<number> => (await call(host, spoolStatus, {})).setAside
    const invalid = { code: 'INPUT_INVALID' }
    await expect(call(host, spoolDiscard, {})).rejects.toMatchObject(invalid)
    await expect(call(host, spoolDiscard, { all: true, topic: 'notes' })).rejects.toMatchObject(invalid)
    await expect(call(host, spoolDiscard, { all: true }, { execute: true })).rejects.toMatchObject(invalid)
    expect(await call(host, spoolDiscard, { all: true })).toMatchObject({ executed: false, events: 4 })
    expect(await left()).toBe(4)
    const meant = { execute: true, reason: 'test data' }
    const done = await call(host, spoolDiscard, { ids: ['sa_0', 'sa_1'] }, meant)
    expect(done).toMatchObject({
      executed: true,
      events: 2,
      byTopic: [
        { topic: 'orders', events: 1 },
        { topic: 'notes', events: 1 },
      ],
    })
    expect(await left()).toBe(2)
    expect(await call(host, auditList, { operation: 'spool.discard' })).toMatchObject({
      acts: [{ who: 'ada', reason: 'test data', input: { ids: ['sa_0', 'sa_1'] }, outcome: 'done' }],
    })
  })

  it('is asked of a process that has a spool', async () => {
    const host = { ...(await holding()), spool: undefined }
    await expect(call(host, spoolStatus, {})).rejects.toMatchObject({ code: 'PROCESS_NEEDED' })
  })
})
