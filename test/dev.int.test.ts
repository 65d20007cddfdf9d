import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { childrenOf, isAlive } from '../src/server/processes.ts'
import { startChild, type Child } from './harness/child.ts'
import { until } from './harness/until.ts'
import { holdfastIn, userProject } from './harness/user-project.ts'
import { watchedFolders } from './harness/watched-folders.ts'
import { namedLog, type NamedLog } from './support/test-logs.ts'

/** An app on this log whose handler says this word. */
function appSaying(word: string, { name, code }: NamedLog): string {
  return `
    import { app, ${name}, topic } from 'holdfast'
    import { z } from 'zod'
    const orders = topic('orders', { key: 'customer', partitions: 2, events: { placed: z.object({ customer: z.string() }) } })
    const shop = app({ name: 'shop', log: ${code} })
    shop.collector({ port: 0, topics: [orders], keys: { pk_demo: { tenant: 't1' } }, lameDuckMs: 600_000 })
    shop.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', event => {
      if (event.data.customer === 'bad') throw new TypeError('no such customer')
      console.log('${word} ' + event.id)
    })
    export default shop`
}

async function startDev(folder: string): Promise<Child> {
  return startChild({
    name: 'dev',
    args: [holdfastIn(folder), 'dev', 'app.ts', '--admin-port', '0'],
    cwd: folder,
  })
}

/** The collector of the n-th start. */
function door(dev: Child, start: number): Promise<string> {
  return until(
    `start ${start} is announced`,
    () => dev.stderr.flatMap(line => /collector (http:\S+)/.exec(line)?.[1] ?? [])[start - 1],
  )
}

async function post(url: string, id: string, customer: string): Promise<void> {
  const answer = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body: JSON.stringify({ type: 'placed', id, data: { customer } }),
  })
  expect(answer.status).toBe(202)
}

it('holdfast dev prints each event with its path, starts again at a change, and ends in order', async () => {
  const log = await namedLog('data/log')
  const folder = userProject({ 'app.ts': appSaying('billed', log) })
  const dev = await startDev(folder)
  const first = await door(dev, 1)
  await post(first, 'o-1', 'c1')
  await dev.line(
    /^[\d:.]{12} {2}placed {2}key t1\/c1 {2}id o-1 {2}received → orders\/\d\/0 in \d+ ms → billing done after \d+ ms$/,
  )
  await post(first, 'o-2', 'bad')
  await dev.line(/ id o-2 .* → billing dead after \d+ ms .*\(no such customer\)$/)
  expect(dev.stdout).toContain('billed o-1')
  expect(watchedFolders(dev.pid, folder, ['.', 'data/log'])).toEqual(['.'])

  writeFileSync(join(folder, 'app.ts'), 'this is no app')
  await until('it says that the app ended', () =>
    dev.stderr.some(line => line.includes('started again when a file changes')),
  )
  writeFileSync(join(folder, 'app.ts'), appSaying('invoiced', log))
  await post(await door(dev, 2), 'o-3', 'c1')
  await dev.line(/^invoiced o-3$/)
  await dev.line(/ id o-3 .* → billing done after/)
  // What was done before the change was not done again.
  expect(dev.stdout.filter(line => line === 'billed o-1' || line === 'invoiced o-1')).toEqual(['billed o-1'])
  expect(await dev.terminate()).toEqual({ pid: dev.pid, code: 0, signal: null })
})

it('holdfast dev leaves no process behind when it is killed', async () => {
  const log = await namedLog('data/log')
  const folder = userProject({ 'app.ts': appSaying('billed', log) })
  const dev = await startDev(folder)
  await door(dev, 1)
  const children = childrenOf(dev.pid)
  expect(children).toHaveLength(1)
  await dev.kill()
  await until('its child is gone', () => children.every(pid => !isAlive(pid)))
})
