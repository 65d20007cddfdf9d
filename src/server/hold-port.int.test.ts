import { expect, it } from 'vitest'
import { answered, httpPost, rawConnection } from '../../test/harness/collector.ts'
import { holdPort } from './hold-port.ts'

it('says that nothing is stored yet, and answers everyone who had connected when the port is freed', async () => {
  const held = await holdPort({ host: '127.0.0.1', port: 0, setBy: 'the test' })
  const early = rawConnection(held)
  early.socket.write(httpPost('{}'))
  expect(await early.until(answered)).toMatch(/^HTTP\/1\.1 503[\s\S]*connection: close[\s\S]*"not_stored"/i)
  const waiting = Array.from({ length: 100 }, () => rawConnection(held))
  for (const { socket } of waiting) socket.write(httpPost('{}'))
  const silent = rawConnection(held)
  await Promise.resolve() // they connect, and this turn has not ended: all wait in the kernel
  await held.release()
  for (const one of waiting) expect(await one.closed()).toMatch(/^HTTP\/1\.1 503/)
  expect(await silent.closed()).toBe('')
})
