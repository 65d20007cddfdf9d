import { once } from 'node:events'
import { expect, it } from 'vitest'
import { answered, httpPost, rawConnection } from '../../test/harness/collector.ts'
import { until } from '../../test/harness/until.ts'
import { virtualClock } from '../testing/virtual-clock.ts'
import { holdPort } from './hold-port.ts'

it('says that nothing is stored yet, and answers everyone who had connected when the port is freed', async () => {
  // Patience ends when the test says so: a machine may take its time for a hundred answers.
  const clock = virtualClock()
  const held = await holdPort({ host: '127.0.0.1', port: 0, setBy: 'the test' }, clock)
  const early = rawConnection(held)
  early.socket.write(httpPost('{}'))
  expect(await early.until(answered)).toMatch(/^HTTP\/1\.1 503[\s\S]*connection: close[\s\S]*"not_stored"/i)
  const waiting = Array.from({ length: 100 }, () => rawConnection(held))
  for (const { socket } of waiting) socket.write(httpPost('{}'))
  const silent = rawConnection(held)
  // Of those who have connected most wait in the kernel: the loop takes in one a turn.
  await Promise.all([...waiting, silent].map(({ socket }) => once(socket, 'connect')))
  let isFree = false
  const freed = held.release().then(() => (isFree = true))
  for (const one of waiting) expect(await one.closed()).toMatch(/^HTTP\/1\.1 503/)
  expect(isFree).toBe(false)
  await until('nobody waits for the silent one any more', async () => {
    await clock.advance(500)
    return isFree
  })
  await freed
  expect(await silent.closed()).toBe('')
})
