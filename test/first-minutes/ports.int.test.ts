import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { holdfastIn, userProject } from '../harness/user-project.ts'
import { startChild } from '../harness/child.ts'
import { until } from '../harness/until.ts'

const shop = `
  import { app, embedded, topic } from 'holdfast'
  import { z } from 'zod'
  const orders = topic('orders', { key: 'customer', events: { placed: z.object({ customer: z.string() }) } })
  const shop = app({ name: 'shop', log: embedded('./log') })
  shop.collector({ port: 4300, topics: [orders], keys: { pk_demo: { tenant: 't1' } }, lameDuckMs: 600_000 })
  shop.consumer('billing', orders, { from: 'earliest' }).on('placed', () => {})
  export default shop
`

async function takenPort(): Promise<string> {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  return String((other.address() as AddressInfo).port)
}

it.each([
  ['start', 'HOLDFAST_PORT'],
  ['start', 'HOLDFAST_ADMIN_PORT'],
  ['dev', 'HOLDFAST_PORT'],
  ['dev', 'HOLDFAST_ADMIN_PORT'],
])(
  'holdfast %s with %s taken names port, process and variable, and has made nothing',
  async (command, name) => {
    const folder = userProject({ 'app.ts': shop })
    const port = await takenPort()
    const watch = command === 'dev' ? ['--no-watch'] : []
    const { status, stderr, stdout } = spawnAsUser(folder, [command, ...watch, 'app.ts'], { [name]: port })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(`PORT_TAKEN`)
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is taken by process ${process.pid} (`)
    expect(stderr).toContain(`choose another by ${name}, for example ${name}=`)
    expect(existsSync(join(folder, 'log'))).toBe(false)
  },
)

it('HOLDFAST_PORT takes the place of the port that the app names, and a Ctrl-C waits for no load balancer', async () => {
  const folder = userProject({ 'app.ts': shop })
  const env = { HOLDFAST_PORT: '0', HOLDFAST_ADMIN_PORT: '0' }
  const args = [holdfastIn(folder), 'start', 'app.ts']
  const child = await startChild({ name: 'shop', args, cwd: folder, env })
  const url = await until('announced', () => /collector (http:\S+)/.exec(child.stderr.join('\n'))?.[1])
  expect(url).not.toContain(':4300')
  expect((await fetch(url)).status).toBe(200)
  process.kill(child.pid, 'SIGINT')
  expect(await child.exited).toMatchObject({ code: 0 })
})

function spawnAsUser(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [holdfastIn(folder), ...args], {
    cwd: folder,
    env: { ...process.env, HOLDFAST_PORT: '0', HOLDFAST_ADMIN_PORT: '0', ...env },
    encoding: 'utf8',
  })
}
