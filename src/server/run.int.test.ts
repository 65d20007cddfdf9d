import { expect, it } from 'vitest'
import { z } from 'zod'
import { until } from '../../test/harness/until.ts'
import { memory } from '../drivers/memory/index.ts'
import { silentLogger, type Logger } from '../event/index.ts'
import { topic } from '../schema/index.ts'
import { app } from './app.ts'
import { run } from './run.ts'

const orders = topic('orders', { partitions: 1, events: { placed: z.object({}) } })

/** Says what was said of a letter to the process and to the app, which names a logger of its own or none. */
async function saidOfALetter(hasOwn: boolean): Promise<{ process: string[]; own: string[] }> {
  const said = { process: [] as string[], own: [] as string[] }
  const to = (lines: string[]): Logger => ({ ...silentLogger, warn: (_, text) => void lines.push(text) })
  const a = app({ name: 'shop', log: memory(), ...(hasOwn && { logger: to(said.own) }) })
  a.consumer('billing', orders, { from: 'earliest', retry: [] }).on('placed', () => {
    throw new Error('no')
  })
  const stop = Promise.withResolvers<'SIGTERM'>()
  const signals = { first: stop.promise, second: new Promise<never>(() => {}), release: () => {} }
  const { ended } = await run(a, { admin: { port: 0 }, logger: to(said.process), signals })
  await a.publish(orders, 'placed', {})
  await until('there is a letter', async () => (await a.dead('billing').list().next()).done === false)
  stop.resolve('SIGTERM')
  await ended
  return said
}

it('what an app has to say is said by the process that runs it, unless the app names where', async () => {
  const line = 'event is a dead letter now'
  expect(await saidOfALetter(false)).toEqual({ process: [line], own: [] })
  expect(await saidOfALetter(true)).toEqual({ process: [], own: [line] })
})
