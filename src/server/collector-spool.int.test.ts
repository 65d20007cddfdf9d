import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import type { SpoolOptions } from '../collect/index.ts'
import { kafka } from '../drivers/kafka/index.ts'
import type { Logger } from '../event/index.ts'
import { topic } from '../schema/index.ts'
import { app, type App } from './app.ts'
import { adminHandler } from './admin.ts'
import { freePort } from './loopback-port.ts'

const orders = topic('orders', { key: 'customer', events: { placed: z.object({ customer: z.string() }) } })

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-spool-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** An app with all roles, on brokers that are not there. */
async function shop(
  spool: SpoolOptions,
  logger?: Logger,
): Promise<{ readonly shop: App<false>; readonly post: (id: string) => Promise<Response> }> {
  const log = kafka({ brokers: [`127.0.0.1:${await freePort()}`], deliveryTimeout: '1s' })
  const shop = app({ name: 'shop', log, logger })
  shop.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
  const keys = { pk_demo: { tenant: 'demo' } }
  shop.collector({ topics: [orders], keys, plainKeysByFetch: true, lameDuckMs: 0, spool })
  onTestFinished(() => shop.stop())
  const post = (id: string): Promise<Response> =>
    shop.door.fetch(
      new Request('http://localhost/v1/events', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
        body: JSON.stringify({ type: 'placed', id, data: { customer: 'ada' } }),
      }),
    )
  return { shop, post }
}

describe('an app that starts while its log is away', () => {
  it('takes events in, is ready, says what waits, and stops in order; they are there after the next start', async () => {
    const at = folder()
    const lines: string[] = []
    const log = (_: object, line: string): void => void lines.push(line)
    const logger: Logger = { debug: log, info: log, warn: log, error: log }
    const first = await shop({ folder: at, patience: '100ms' }, logger)
    await first.shop.start()
    expect(lines).toContain('the log does not answer: the groups start when it does')
    const answer = await first.post('a')
    expect([answer.status, answer.headers.get('collector-durability')]).toEqual([202, 'spool'])
    const admin = adminHandler(first.shop.admin)
    const ask = async (path: string): Promise<string> =>
      await (await admin(new Request(`http://localhost${path}`, { headers: { host: 'localhost' } }))).text()
    expect(await ask('/readyz')).toMatch(/^ready: the groups start when the log answers \(/)
    expect(await ask('/')).toContain('The log is away: 1 event in the spool of the collector')
    expect(await ask('/metrics')).toMatch(/^spool_state\{state="SPOOLING"\} 1$/m)
    await first.shop.stop()
    const second = await shop({ folder: at })
    await second.shop.start()
    const { spool } = await until('the report', () => second.shop.admin.report())
    expect(spool).toMatchObject({ state: 'SPOOLING', events: 1 })
  })

  it('refuses a spool that another collector has, and one that cannot be written', async () => {
    const at = folder()
    const first = await shop({ folder: at })
    await first.shop.start()
    const second = await shop({ folder: at })
    await expect(second.shop.start()).rejects.toMatchObject({ code: 'LOG_IN_USE' })
    const file = join(at, 'a-file')
    writeFileSync(file, '')
    const third = await shop({ folder: join(file, 'spool') })
    await expect(third.shop.start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('spool.folder') as string,
    })
  })
})
