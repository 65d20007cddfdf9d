import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { GroupDescription } from '../src/log/index.ts'
import { startChild, type Child } from './harness/child.ts'
import { until } from './harness/until.ts'
import { holdfastIn, userProject } from './harness/user-project.ts'
import { namedLog, type NamedLog } from './support/test-logs.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/add-a-group.md'), 'utf8')
const PAGE_LOG = "embedded('.holdfast/log')"

/** Of an app on this log. */
const files = ({ name, code }: NamedLog): Record<string, string> => ({
  'orders.ts': `
    import { topic } from 'holdfast'
    import { z } from 'zod'
    export const orders = topic('orders', {
      key: 'customer', partitions: 4,
      events: { placed: z.object({ customer: z.string(), order: z.string() }) },
    })`,
  'shop.ts': `
    import { app, ${name} } from 'holdfast'
    import { orders } from './orders.ts'
    const shop = app({ name: 'shop', log: ${code} })
    shop.collector({ port: Number(process.env.HOLDFAST_PORT), topics: [orders], keys: { pk_demo: { tenant: 't1' } }, lameDuckMs: 0 })
    shop.consumer('billing', orders, { from: 'earliest' }).on('placed', event => console.log('billed: ' + event.data.order))
    export default shop`,
  // Word for word what the page says; only its log may be another.
  'shipping.ts': block('ts').replace(PAGE_LOG, code).replace('embedded }', `${name} }`),
})

/** The command of the page's block of shell, as words. */
const [npx = '', command = '', ...words] = block('sh').trim().split(' ')

it('a second process adds a group from the start, as docs/add-a-group.md says, and the first process does not notice', async () => {
  expect([npx, command]).toEqual(['npx', 'holdfast'])
  expect(page).toContain(PAGE_LOG)
  const named = await namedLog('.holdfast/log')
  const folder = userProject(files(named))
  const shop = await holdfast(folder, 'shop', ['start', 'shop.ts', '--admin-port', '0'])
  const door = await announced(shop, 'collector')
  const history = ids('h', 200)
  await post(door, history)
  await until('billing is done', () => printed(shop, 'billed').length === history.length)

  const log = await named.open(folder)
  onTestFinished(() => log.close())
  const billing = async (): Promise<GroupDescription> => log.groups.describe('billing')
  const allCommitted = (count: number) => async (): Promise<GroupDescription | false> => {
    const group = await billing()
    return group.partitions.reduce((sum, { committed }) => sum + Number(committed ?? 0), 0) === count && group
  }
  const before = await until('billing is committed', allCommitted(history.length))
  const status = await announced(shop, 'status')
  const rebalances = await rebalancesOf(status, 'billing')

  const shipping = await holdfast(
    folder,
    'shipping',
    words.map(word => (word === '4311' ? '0' : word)),
  )
  await until('shipping has read the history', () => printed(shipping, 'to ship').length >= history.length)
  expect(printed(shipping, 'to ship').toSorted()).toEqual(history)
  expect(shipping.pid).not.toBe(shop.pid)
  // Owners, epochs and positions: nothing of the other group has moved, and nobody joined or left it.
  expect(await billing()).toEqual(before)
  expect(await rebalancesOf(status, 'billing')).toBe(rebalances)

  const more = ids('m', 50)
  await post(door, more)
  const all = [...history, ...more]
  for (const [child, verb] of [
    [shop, 'billed'],
    [shipping, 'to ship'],
  ] as const) {
    await until(`${child.name} has the new ones`, () => printed(child, verb).length >= all.length)
    expect(printed(child, verb).toSorted()).toEqual(all)
  }
  const after = await until('billing goes on', allCommitted(all.length))
  expect(after.members).toEqual(before.members)
  // The first process is the one that was started, and it ends in order when it is asked to.
  expect(await shop.terminate()).toEqual({ pid: shop.pid, code: 0, signal: null })
  expect(await shipping.terminate()).toEqual({ pid: shipping.pid, code: 0, signal: null })
})

function ids(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`)
}

function holdfast(folder: string, name: string, args: readonly string[]): Promise<Child> {
  return startChild({ name, args: [holdfastIn(folder), ...args], cwd: folder, env: { HOLDFAST_PORT: '0' } })
}

function announced(child: Child, what: 'collector' | 'status'): Promise<string> {
  const pattern = new RegExp(`${what} (http:\\S+)`)
  return until(`${child.name} announces its ${what}`, () =>
    child.stderr.map(line => pattern.exec(line)?.[1]).find(url => url !== undefined),
  )
}

/** The orders of its lines so far, in the order of the lines. */
function printed(child: Child, verb: string): string[] {
  const start = `${verb}: `
  return child.stdout.filter(line => line.startsWith(start)).map(line => line.slice(start.length))
}

async function post(door: string, orders: readonly string[]): Promise<void> {
  for (const order of orders) {
    const answer = await fetch(`${door}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
      body: JSON.stringify({
        type: 'placed',
        id: order,
        data: { customer: order.slice(-1), order },
      }),
    })
    expect(answer.status).toBe(202)
  }
}

async function rebalancesOf(status: string, group: string): Promise<number> {
  const text = await (await fetch(`${status}/metrics`)).text()
  const line = text
    .split('\n')
    .find(line => line.includes('group_rebalances_total') && line.includes(`group="${group}"`))
  if (line === undefined) throw new Error(`no rebalances of ${group} in ${text.slice(0, 500)}`)
  return Number(line.slice(line.lastIndexOf(' ') + 1))
}

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1]
  if (found === undefined) throw new Error(`the page has no block of ${language}`)
  return found
}
