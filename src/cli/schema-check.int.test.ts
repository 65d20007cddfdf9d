import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startChild } from '../../test/harness/child.ts'
import { holdfastIn, userProject } from '../../test/harness/user-project.ts'

/** An app with one topic, whose `placed` event is declared by this text. */
function appOf(placed: string): string {
  return `
    import { app, memory, topic } from 'holdfast'
    import { z } from 'zod'
    import * as v from 'valibot'
    export const orders = topic('orders', {
      key: 'customer',
      events: { placed: ${placed}, noted: v.object({ customer: v.string() }) },
    })
    const shop = app({ name: 'shop', log: memory() })
    shop.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
    shop.consumer('notes', orders, { from: 'earliest' }).on('noted', () => {})
    export default shop`
}

const first = 'z.object({ customer: z.string(), cents: z.number() })'

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function check(folder: string, placed: string, ...options: string[]): Promise<Ran> {
  writeFileSync(join(folder, 'app.ts'), appOf(placed))
  const args = [holdfastIn(folder), 'schema', 'check', 'app.ts', ...options]
  const child = await startChild({ name: 'schema check', args, cwd: folder })
  const { code } = await child.exited
  return { code, out: child.stdout.join('\n'), err: child.stderr.join('\n') }
}

it('schema check fails for what is not recorded, and passes once the snapshot is written', async () => {
  const folder = userProject({})
  const unrecorded = await check(folder, first)
  expect(unrecorded).toMatchObject({ code: 7, err: expect.stringContaining('--update') as string })
  expect((await check(folder, first, '--update')).code).toBe(0)
  const snapshot = JSON.parse(readFileSync(join(folder, 'holdfast/schemas/orders.json'), 'utf8')) as object
  expect(snapshot).toMatchObject({
    format: 1,
    topic: 'orders',
    events: { placed: { version: 1 }, noted: { schema: null } },
  })
  const same = await check(folder, first)
  expect(same.code).toBe(0)
  expect(same.out).toMatch(/noted +v1 +cannot be checked: its validator gives no JSON Schema/)
  // An optional field more breaks nothing, but must be recorded: or its removal would not be noticed later.
  const wider = await check(
    folder,
    'z.object({ customer: z.string(), cents: z.number(), note: z.string().optional() })',
  )
  expect(wider).toMatchObject({ code: 7, err: expect.stringContaining('Nothing breaks') as string })
})

it('schema check names field, version and the groups that read it when events in the log could not be read', async () => {
  const folder = userProject({})
  await check(folder, first, '--update')
  const before = readFileSync(join(folder, 'holdfast/schemas/orders.json'), 'utf8')
  const removed = await check(folder, 'z.object({ customer: z.string() })')
  expect(removed.code).toBe(7)
  expect(removed.out).toMatch(/orders +placed +v1 +was removed +\/cents +billing$/m)
  const required = await check(
    folder,
    'z.object({ customer: z.string(), cents: z.number(), shop: z.string() })',
    '-o',
    'json',
  )
  expect(required.code).toBe(7)
  expect((JSON.parse(required.out) as { events: unknown[] }).events).toContainEqual({
    topic: 'orders',
    event: 'placed',
    version: 1,
    result: 'breaks',
    breaks: [{ field: '/shop', problem: 'is required now and was not there' }],
    groups: ['billing'],
  })
  // A break is not written over by habit, only when it is meant.
  const typed = 'z.object({ customer: z.string(), cents: z.string() })'
  expect((await check(folder, typed, '--update')).code).toBe(7)
  expect(readFileSync(join(folder, 'holdfast/schemas/orders.json'), 'utf8')).toBe(before)
  expect((await check(folder, typed, '--update', '--accept-breaking')).code).toBe(0)
  expect((await check(folder, typed)).code).toBe(0)
})

it('schema check takes a raised version with an upcast for a change, and not without', async () => {
  const folder = userProject({})
  await check(folder, first, '--update')
  const schema = 'schema: z.object({ customer: z.string(), euros: z.number() })'
  const raised = await check(folder, `{ ${schema}, version: 2 }`)
  expect(raised).toMatchObject({
    code: 7,
    out: expect.stringContaining('without an upcast from 1') as string,
  })
  const upcast = `{ ${schema}, version: 2, upcast: { 1: old => ({ customer: old.customer, euros: old.cents / 100 }) } }`
  expect((await check(folder, upcast, '--update')).code).toBe(0)
  expect((await check(folder, upcast)).code).toBe(0)
  const back = await check(folder, first)
  expect(back).toMatchObject({
    code: 7,
    out: expect.stringContaining('its version was 2 and is 1') as string,
  })
})
