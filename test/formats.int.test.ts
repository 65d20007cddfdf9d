import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { FORMAT_VERSION } from '../src/drivers/embedded/format.ts'
import { verifyLog } from '../src/drivers/embedded/index.ts'
import { everythingIn, orders, shop } from './fixtures/shop.ts'
import { toArray, until } from './support/wait.ts'

/** Logs of every format there ever was, made once by `scripts/log-fixture.ts` and never changed. */
const fixtures = join(import.meta.dirname, 'fixtures')
const formats = readdirSync(fixtures)
  .flatMap(name => /^log-format-(\d+)$/.exec(name)?.[1] ?? [])
  .map(Number)

it('every format has its log here, the present one too', () => {
  expect(formats.toSorted((a, b) => a - b)).toEqual(Array.from({ length: FORMAT_VERSION }, (_, n) => n + 1))
})

it.each(formats)(
  'a log of format %d is whole, shows all that it held, and is gone on with where its group stood',
  async format => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-format-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(fixtures, `log-format-${format}`), folder, { recursive: true })
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, string>
    expect(await verifyLog(folder)).toMatchObject({ ok: true })

    const did: string[] = []
    const a = shop(folder, id => did.push(id))
    await a.start()
    onTestFinished(() => a.stop())
    const { 'group billing': former, topics, ...events } = await everythingIn(a.system)
    const { 'group billing': _, topics: formerTopics, ...formerEvents } = expected
    expect(events).toEqual(formerEvents)
    // It was made before there were retry lanes.
    expect(topics).toBe(`${formerTopics},orders.billing.retry`)
    expect(former).toMatch(/^orders\/0:\d/)

    await until(async () => (await a.groups()).every(({ lag, parked }) => lag === 0n && parked === 0))
    expect(did.toSorted()).toEqual(['order-6', 'order-7', 'order-8'])
    expect(await toArray(a.dead('billing').list())).toMatchObject([
      { eventId: 'order-1', key: 'c1', reason: 'attempts', last: { message: 'no such customer: Zoë' } },
    ])

    await a.publish(orders, 'placed', { customer: 'c1', note: 'new' }, { id: 'order-new' })
    await until(() => did.includes('order-new'))
  },
)
