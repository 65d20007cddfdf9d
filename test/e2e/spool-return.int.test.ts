import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exitCode } from '../../src/cli/exit-code.ts'
import { runCli } from '../../src/cli/program.ts'
import { kafka as kafkaLog } from '../../src/drivers/kafka/index.ts'
import { offset, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { pages, type Log } from '../../src/log/index.ts'
import { freePort } from '../../src/server/loopback-port.ts'
import type { GivesBackOptions } from '../apps/gives-back.ts'
import { startChild, type Child } from '../harness/child.ts'
import { observed } from '../harness/observed.ts'
import { until } from '../harness/until.ts'
import { noKafka, testKafka } from '../kafka.ts'
import { testDatabase } from '../postgres.ts'

const LIMIT = 5_000
/** The first fits later than the others, so nothing behind it is settled by the cursor alone. */
const sent = Array.from({ length: 101 }, (_, n) => ({ id: `e${n}`, bytes: n === 0 ? 20 * LIMIT : 2 * LIMIT }))
const ids = sent.map(({ id }) => id)
/** So many are sent before they are settled. */
const AT_ONCE = 50
const MOST = 70

describe.skipIf(noKafka)(
  'a collector that is killed while it gives back what its spool has set aside',
  () => {
    const kafka = testKafka()
    const database = testDatabase()

    test('hazard 28: still has what the log did not confirm, each once, and gives it back when it is told again', async () => {
      await database.query('create table billed (id text)')
      const folder = mkdtempSync(join(tmpdir(), 'holdfast-return-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const topic = kafka.name('orders')
      const place = { brokers: [kafka.brokers], topic, folder, database: database.url, large: 1.5 * LIMIT }

      // All of it comes while no broker is there; when one is, the topic takes less.
      const away = await startShop({ ...place, brokers: [`127.0.0.1:${await freePort()}`] })
      for (const { id, bytes } of sent) expect(await away.post(id, bytes)).toBe(202)
      await away.child.terminate()
      await makeTopic(kafka.brokers, topic)

      let stored: readonly string[] = []
      /**
       * Kills a collector that is seen in the midst of a return, behind so many events. Answers the next one, and what both it
       * and the log have: what was sent and not settled.
       */
      const killWithinReturn = async (shop: Shop, count: number): Promise<Killed> => {
        await setLimit(kafka.brokers, topic, 4 * LIMIT)
        // It asks for the limit only now and then, and would refuse the first of them by what it was.
        await until('the collector knows', async () => (await shop.post('probe', 1.2 * LIMIT)) === 202)
        const asked = shop.holdfast('spool', 'return')
        await shop.child.line(/^holding$/)
        const now = await idsIn(kafka.brokers, topic)
        const sentNow = now.slice(stored.length)
        stored = now
        expect(sentNow).toHaveLength(count)
        expect((await shop.child.kill()).signal).toBe('SIGKILL')
        expect(await asked).toMatchObject({
          code: exitCode.unreachable,
          err: expect.stringContaining('may be done, wholly or in part') as string,
        })
        await setLimit(kafka.brokers, topic, LIMIT)
        const next = await startShop({ ...place, ...(count < MOST && { holdAfter: MOST }) })
        await refused(next)
        const left = await setAside(next)
        expect(left, 'each once').toHaveLength(new Set(left).size)
        expect(
          ids.filter(id => !stored.includes(id) && !left.includes(id)),
          'lost',
        ).toEqual([])
        const unsettled = sentNow.filter(id => left.includes(id))
        expect(unsettled.length).toBeLessThanOrEqual(AT_ONCE)
        return { next, unsettled }
      }

      // 1. Among the first that are sent, of which none may be settled. 2. Behind some that are.
      const first = await startShop({ ...place, holdAfter: 20 })
      await refused(first)
      expect(await setAside(first)).toEqual(ids)
      const second = await killWithinReturn(first, 20)
      const third = await killWithinReturn(second.next, MOST)

      await setLimit(kafka.brokers, topic, 100 * LIMIT)
      const { holdfast } = third.next
      await until('all are returned', async () => (await holdfast('spool', 'return')).code === 0)
      expect(await setAside(third.next)).toEqual([])
      // Twice in the log is what was sent and not settled when a process died, and nothing is billed twice.
      const copies = await idsIn(kafka.brokers, topic)
      expect(copies.toSorted()).toEqual([...ids, ...second.unsettled, ...third.unsettled].toSorted())
      await until('the group is through', async () => {
        const { out } = await holdfast('group', 'list', '-o', 'json')
        const { groups } = JSON.parse(out) as { groups: readonly { group: string; lag: number }[] }
        return groups.some(({ group, lag }) => group === 'billing' && lag === 0)
      })
      const billed = await database.query("select id from billed where id <> 'probe'")
      expect(billed.map(({ id }) => id as string).toSorted()).toEqual(ids.toSorted())
      observed(
        `SIGKILL to ${first.child.pid} and ${second.next.child.pid} behind 20 and ${MOST} of ${ids.length} that were being returned, ${second.unsettled.length} and ${third.unsettled.length} of them not settled`,
      )
    }, 300_000)
  },
)

interface Killed {
  readonly next: Shop
  readonly unsettled: readonly string[]
}

interface Shop {
  readonly child: Child
  /** Answers the status. */
  post(id: string, bytes: number): Promise<number>
  /** A command that asks its process. */
  readonly holdfast: (
    ...args: readonly string[]
  ) => Promise<{ readonly code: number; readonly out: string; readonly err: string }>
}

async function startShop(options: GivesBackOptions): Promise<Shop> {
  const main = join(import.meta.dirname, '../apps/gives-back.ts')
  const args = ['--conditions=holdfast-source', main, JSON.stringify(options)]
  const child = await startChild({ name: 'shop', args })
  const [, said = '{}'] = await child.line(/^up (\{.*\})$/)
  const { door, admin } = JSON.parse(said) as { door: number; admin: number }
  return {
    child,
    async post(id, bytes) {
      const data = { customer: 'ada', fill: 'x'.repeat(bytes) }
      const answer = await fetch(`http://127.0.0.1:${door}/v1/topics/${options.topic}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
        body: JSON.stringify({ type: 'placed', id, data }),
      })
      return answer.status
    },
    holdfast: async (...asked) => {
      let [out, err] = ['', '']
      const io = { out: (said: string) => (out += said), err: (said: string) => (err += said), env: {} }
      const code = await runCli([...asked, '--url', `http://127.0.0.1:${admin}`], io)
      return { code, out, err }
    },
  }
}

/** Resolves when all is set aside and what the collector itself gives back at its start was refused. */
async function refused({ holdfast }: Shop): Promise<void> {
  await until('the spool is through', async () => {
    const { out } = await holdfast('spool', 'status', '-o', 'json')
    const { state, events } = JSON.parse(out) as { state: string; events: number }
    return state === 'NORMAL' && events === 0
  })
  const { code, out } = await holdfast('spool', 'return', '-o', 'json')
  expect([code, JSON.parse(out)]).toMatchObject([exitCode.refused, { returned: 0 }])
}

async function setAside({ holdfast }: Shop): Promise<readonly string[]> {
  const { out } = await holdfast('spool', 'list', '--limit', '1000', '-o', 'json')
  const { events } = JSON.parse(out) as { events: readonly { eventId: string }[] }
  return events.map(({ eventId }) => eventId)
}

/** In the order of the log. */
async function idsIn(brokers: string, topic: string): Promise<readonly string[]> {
  return await withLog(brokers, async log => {
    const { end } = await log.bounds({ topic, partition: 0 })
    const found: string[] = []
    const limits = { end, maxRecords: 1_000, maxBytes: 1024 * 1024 }
    const from = { topic, partition: 0, offset: offset(0) }
    for await (const { records } of pages(log, from, limits, AbortSignal.any([])))
      found.push(...records.flatMap(({ headers: { ce_id: id = '' } }) => (ids.includes(id) ? id : [])))
    return found
  })
}

async function makeTopic(brokers: string, topic: string): Promise<void> {
  const configs = [{ name: 'max.message.bytes', value: String(LIMIT) }]
  await withAdmin(brokers, admin =>
    admin.createTopics({ topics: [topic], partitions: 1, replicas: 1, configs }),
  )
}

/** Resolves when the broker holds to it: some time after it has said yes. */
async function setLimit(brokers: string, topic: string, bytes: number): Promise<void> {
  const configs = [{ name: 'max.message.bytes', value: String(bytes), configOperation: 0 as const }]
  await withAdmin(brokers, admin =>
    admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName: topic, configs }] }),
  )
  // A tombstone, which groups pass by.
  const probe = { key: 'probe', value: null, headers: { fill: 'x'.repeat(1.5 * LIMIT) } }
  await until('the limit holds', () =>
    withLog(brokers, log =>
      log.append(topic, [probe]).then(
        () => bytes > LIMIT,
        () => bytes === LIMIT,
      ),
    ),
  )
}

async function withLog<T>(brokers: string, use: (log: Log) => Promise<T>): Promise<T> {
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const system = await kafkaLog({ brokers }).open(env)
  try {
    return await use(system.log)
  } finally {
    await system.close()
  }
}

async function withAdmin(brokers: string, use: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') })
  try {
    await use(admin)
  } finally {
    await admin.close()
  }
}
