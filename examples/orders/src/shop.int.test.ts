import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { postgres } from 'holdfast'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startChild, type Child, type Exit } from '../../../test/harness/child.ts'
import { observed } from '../../../test/harness/observed.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { describeOn, type SharedTestLog } from '../../../test/support/test-logs.ts'
import { shop, type ShopApp } from './app.ts'
import type { NotificationWaits } from './groups/notification.ts'
import { sentMails, type SentMail } from './mail-service/mail-service.ts'
import { mailerAt, type Mail } from './mailer.ts'
import { createTables } from './tables.ts'

const database = testDatabase()

/** All attempts at a mail take a quarter of a second: an outage of three seconds is what an hour is to five minutes. */
const waits: NotificationWaits = {
  retry: ['50ms', '200ms'],
  breaker: { probeAfter: '50ms', probeMax: '250ms' },
}
const AWAY_MS = 3_000

describeOn(['embedded', 'kafka'], 'the shop', on => {
  test('hazards 53, 56: the mail service is away for twelve times as long as all attempts at a mail take: orders go on, nothing dies, and every mail is sent once when it is back', async () => {
    const { app, mail, post, rows, mails } = await startShop(on)
    const customers = ['ada', 'bob', 'eve']
    for (const customer of customers) expect(await post('/users', { customer, name: customer })).toBe(202)
    let orders = 0
    const order = async (): Promise<void> => {
      const customer = customers[orders % 3]
      expect(await post('/orders', { id: `o-${orders++}`, customer, item: 'lamp', cents: 1_999 })).toBe(202)
    }
    await order()
    await until('all is done', async () => (await mails()).length === 5)

    const from = performance.now()
    const orderUntil = async (ms: number): Promise<void> => {
      while (performance.now() - from < ms) {
        await order()
        await wait(10)
      }
    }
    await mail.turn('off')
    await orderUntil(AWAY_MS / 2)
    const stateOfMail = (): string | undefined => app.breakers().find(({ name }) => name === 'mail')?.state
    const seen = await until('its breaker opens', () => stateOfMail() !== 'CLOSED' && stateOfMail())
    expect((await mail.kill()).signal).toBe('SIGKILL')
    await orderUntil(AWAY_MS)
    // Nobody but the customers' inboxes notices.
    await until('all orders are paid', async () => (await rows('charges')).length === orders)
    await until('all are reserved', async () => (await rows('reservations')).length === orders)
    expect((await mails()).length).toBe(5)
    expect(app.breakers().find(({ name }) => name === 'db')).toMatchObject({
      state: 'CLOSED',
      transitions: 0,
    })
    const awayMs = Math.round(performance.now() - from)
    await mail.again()

    await until('every mail is sent', async () => (await mails()).length >= 3 + 2 * orders)
    await until('nothing is under way', async () =>
      (await app.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
    )
    const sent = await mails()
    const about = (template: Mail['template']): string[] =>
      sent.flatMap(({ mail }) => (mail.template === template ? [mail.about] : []))
    const all = Array.from({ length: orders }, (_, n) => `o-${n}`).toSorted()
    expect(sent).toHaveLength(3 + 2 * orders)
    expect(about('order').toSorted()).toEqual(all)
    expect(about('receipt').toSorted()).toEqual(all)
    // Each customer hears of their orders in the order in which they came.
    for (const customer of customers) {
      const numbers = sent.flatMap(({ mail }) =>
        mail.to === customer && mail.template === 'order' ? [Number(mail.about.slice(2))] : [],
      )
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
    expect((await rows('charges')).map(row => String(row['order_id'])).toSorted()).toEqual(all)
    expect(await rows('stock')).toEqual([{ item: 'lamp', reserved: String(orders) }])
    await until('its breaker closes', () => stateOfMail() === 'CLOSED')
    expect((await app.groups()).map(({ group, deadLetters }) => [group, deadLetters])).toEqual([
      ['payment', 0],
      ['inventory', 0],
      ['notification', 0],
    ])
    observed(`the mail service was away for ${awayMs} ms (${seen}) and ${orders} orders came`)
  })

  test('an order that is sent twice is one order, and a wrong one is refused', async () => {
    const { post, rows, mails } = await startShop(on)
    const lamp = { id: 'o-1', customer: 'ada', item: 'lamp', cents: 1_999 }
    expect([await post('/orders', lamp), await post('/orders', lamp)]).toEqual([202, 202])
    expect(await post('/orders', { ...lamp, cents: 5 })).toBe(409)
    expect(await post('/orders', { customer: 'ada' })).toBe(422)
    await until('both mails are there', async () => (await mails()).length === 2)
    expect(await rows('charges')).toEqual([{ order_id: 'o-1', customer: 'ada', cents: 1_999 }])
  })
})

interface RunningShop {
  readonly app: ShopApp
  readonly mail: MailProcess
  /** Answers the status. */
  readonly post: (path: string, body: unknown) => Promise<number>
  readonly rows: (table: string) => Promise<Record<string, unknown>[]>
  /** From the file: also while the service is away. */
  readonly mails: () => Promise<SentMail<Mail>[]>
}

async function startShop(on: SharedTestLog): Promise<RunningShop> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-orders-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const client = new Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('drop schema if exists shop cascade; drop schema if exists holdfast cascade')
  await createTables(database.url)
  const mail = await startMail(path.join(folder, 'mails.ndjson'))
  const app = shop({
    log: await on.fresh(),
    db: postgres(database.url),
    mailer: mailerAt(mail.url),
    port: 0,
    spool: { folder: path.join(folder, 'spool') },
    waits,
  })
  await app.start()
  onTestFinished(() => app.stop())
  return {
    app,
    mail,
    mails: mail.sent,
    async post(to, body) {
      const answer = await fetch(`http://127.0.0.1:${app.door.port}${to}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
        body: JSON.stringify(body),
      })
      await answer.arrayBuffer()
      return answer.status
    },
    rows: async table => (await client.query<Record<string, unknown>>(`select * from shop.${table}`)).rows,
  }
}

/** The mail service as the process that it is. */
interface MailProcess {
  readonly url: string
  readonly sent: () => Promise<SentMail<Mail>[]>
  turn(to: 'on' | 'off'): Promise<void>
  kill(): Promise<Exit>
  /** After a kill: on the same port, with what it has sent. */
  again(): Promise<void>
}

async function startMail(file: string): Promise<MailProcess> {
  const launch = async (port: string): Promise<readonly [child: Child, port: string]> => {
    const main = path.join(import.meta.dirname, 'mail-service/main.ts')
    const child = await startChild({ name: 'mail service', args: [main, port, file] })
    const [, bound = ''] = await child.line(/^mail service on (\d+)$/)
    return [child, bound]
  }
  let [child, port] = await launch('0')
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    sent: async () => (existsSync(file) ? sentMails<Mail>(await readFile(file, 'utf8')) : []),
    async turn(to) {
      const answer = await fetch(`${url}/${to}`, { method: 'POST' })
      expect(await answer.text()).toBe(`the mail service is ${to}\n`)
    },
    kill: () => child.kill(),
    async again() {
      ;[child, port] = await launch(port)
    },
  }
}
