import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { choosePort } from './loopback-port.ts'

function portFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-port-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'port'), content)
  return join(folder, 'port')
}

it('a port is kept while it is free, and left to whoever has it', async () => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const file = portFile(String(port))
  expect(await choosePort(file)).not.toBe(port)
  await new Promise(resolve => other.close(resolve))
  expect(await choosePort(file)).toBe(port)
})

it('a PostgreSQL of ours never takes 5432, even where a file says so', async () => {
  expect(await choosePort(portFile('5432'))).not.toBe(5432)
})
