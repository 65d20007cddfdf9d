import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { runCli } from '../../src/cli/program.ts'
import { spoolFindings } from '../../src/cli/doctor/spool.ts'
import { kafka } from '../../src/drivers/kafka/index.ts'
import { offset, systemClock, type LogRecord } from '../../src/event/index.ts'
import { topic } from '../../src/schema/index.ts'
import { startAdmin } from '../../src/server/admin-server.ts'
import { app, type App } from '../../src/server/app.ts'
import { isAlive } from '../../src/server/processes.ts'
import { observed } from '../harness/observed.ts'
import { until } from '../harness/until.ts'
import { noOwnKafka, ownKafka, type KafkaCluster } from '../kafka.ts'

const LIMIT = 5_000
const orders = topic('orders', {
  key: 'customer',
  partitions: 2,
  events: { placed: z.object({ customer: z.string(), fill: z.string() }) },
})

/** Of every key, in the order in which they are sent: two of six are large. */
const sent = Array.from({ length: 18 }, (_, n) => ({
  id: `e${n}`,
  customer: `c${n % 3}`,
  isLarge: Math.floor(n / 3) % 3 === 1,
}))
const large = sent.filter(({ isLarge }) => isLarge).map(({ id }) => id)

describe.skipIf(noOwnKafka)('events of a spool that are too large by the time the broker is back', () => {
  test('hazard 28: are set aside, seen everywhere, and sent when an operator says so: nothing lost, every key in its order', async () => {
    const cluster = await ownKafka()
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-aside-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))

    const first = await shop(cluster, folder)
    await post(first, 'before', 'c0', false)
    await through(first)
    const [node] = cluster.nodes
    const pid = node?.pid ?? 0
    await node?.kill()
    expect(isAlive(pid)).toBe(false)
    for (const { id, customer, isLarge } of sent)
      expect(await post(first, id, customer, isLarge)).toBe('spool')
    await first.stop()
    // The limit is lowered before anything of the spool is sent.
    await node?.start()
    await setLimit(cluster, LIMIT)

    const second = await shop(cluster, folder)
    const admin = await startAdmin(second.admin, { port: 0 })
    onTestFinished(() => admin.close())
    const holdfast = (...args: string[]): Promise<Ran> => command([...args, '--url', admin.url])
    await until('they are set aside', async () => (await setAside(second)) === large.length)
    await through(second)

    // Seen: on the page, as JSON, in the metrics, by doctor, and one by one.
    const sentence = '6 events are set aside by the spool: orders takes less than when it was answered'
    const page = await until('the page says it', async () => {
      const now = await text(`${admin.url}/`)
      return now.includes(sentence) && now
    })
    expect(page).toContain(folder)
    expect(JSON.parse(await text(`${admin.url}/status.json`))).toMatchObject({
      spool: {
        folder,
        setAside: {
          events: 6,
          since: expect.any(Number) as number,
          topics: [{ topic: 'orders', events: 6 }],
        },
      },
    })
    expect(await text(`${admin.url}/metrics`)).toMatch(/^spool_set_aside_events 6$/m)
    const [finding] = await spoolFindings(second.declared, systemClock)
    expect(finding).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('6 set aside since') as string,
      advice: expect.stringContaining('holdfast spool return') as string,
    })
    const list = JSON.parse((await holdfast('spool', 'list', '-o', 'json')).out) as {
      events: readonly { eventId: string; topic: string; bytes: number }[]
    }
    expect(list.events.map(({ eventId }) => eventId).toSorted()).toEqual(large.toSorted())
    const exported = (await holdfast('spool', 'export')).out.trimEnd().split('\n')
    expect(exported.map(line => (JSON.parse(line) as { data: { fill: string } }).data.fill.length)).toEqual(
      large.map(() => 2 * LIMIT),
    )

    // Not yet: they are refused again, and stay.
    expect(await holdfast('spool', 'return')).toMatchObject({ code: 4 })
    expect(await setAside(second)).toBe(6)

    await setLimit(cluster, 1_000_000)
    await until('they are returned', async () => (await holdfast('spool', 'return')).code === 0)
    expect(await setAside(second)).toBe(0)
    expect(await text(`${admin.url}/`)).not.toContain('set aside')
    expect((await holdfast('audit', 'list', '-o', 'json')).out).toContain('spool.return')

    // First copies: what could not be known to be stored may stand there twice.
    const stored = [...new Set((await allOf(second)).map(({ headers }) => headers['ce_id'] ?? ''))]
    expect(stored.toSorted()).toEqual(['before', ...sent.map(({ id }) => id)].toSorted())
    for (const customer of ['c0', 'c1', 'c2']) {
      const own = sent.filter(one => one.customer === customer)
      const ids = own.map(({ id }) => id)
      const expected = [
        ...own.filter(({ isLarge }) => !isLarge).map(({ id }) => id),
        ...own.filter(({ isLarge }) => isLarge).map(({ id }) => id),
      ]
      expect(stored.filter(id => ids.includes(id))).toEqual(expected)
    }
    observed(`broker ${pid} killed; ${sent.length} spooled, ${large.length} of them set aside and returned`)
  }, 300_000)
})

async function shop({ brokers }: KafkaCluster, folder: string): Promise<App<false>> {
  const log = kafka({ brokers: brokers.split(','), deliveryTimeout: '5s' })
  const shop = app({ name: 'shop', log })
  const keys = { pk_demo: { tenant: 'demo' } }
  shop.collector({
    topics: [orders],
    keys,
    plainKeysByFetch: true,
    lameDuckMs: 0,
    spool: { folder, minFreeBytes: 0, patience: '200ms' },
  })
  onTestFinished(() => shop.stop())
  await shop.start()
  return shop
}

async function setAside({ admin }: App<false>): Promise<number | undefined> {
  return (await admin.report()).spool?.setAside.events
}

async function through({ admin }: App<false>): Promise<void> {
  await until('the spool is through', async () => {
    const { spool } = await admin.report()
    return spool?.state === 'NORMAL' && spool.events === 0
  })
}

/** Answers by what durability it was taken. */
async function post(
  shop: App<false>,
  id: string,
  customer: string,
  isLarge: boolean,
): Promise<string | null> {
  const data = { customer, fill: 'x'.repeat(isLarge ? 2 * LIMIT : 10) }
  const answer = await shop.door.fetch(
    new Request('http://localhost/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
      body: JSON.stringify({ type: 'placed', id, data }),
    }),
  )
  expect(answer.status).toBe(202)
  return answer.headers.get('collector-durability')
}

async function setLimit(cluster: KafkaCluster, bytes: number): Promise<void> {
  await cluster.ask(admin =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: orders.name,
          configs: [{ name: 'max.message.bytes', value: String(bytes), configOperation: 0 }],
        },
      ],
    }),
  )
}

/** In the order of their partitions: of one key, that of the log. */
async function allOf({ system: { log } }: App<false>): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  for (const partition of [0, 1]) {
    const at = { topic: orders.name, partition }
    const { end } = await log.bounds(at)
    for (let from = offset(0); from < end;) {
      const limits = { maxRecords: 100, maxBytes: 1_000_000, waitMs: 0 }
      const page = await log.read({ ...at, offset: from }, limits, new AbortController().signal)
      records.push(...page.records)
      from = page.next
    }
  }
  return records
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function command(args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const io = { out: (said: string) => (out += said), err: (said: string) => (err += said), env: {} }
  return { code: await runCli(args, io), out, err }
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text()
}
