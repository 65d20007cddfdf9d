import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startChild, type Child } from '../../../test/harness/child.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'

const database = testDatabase()

test('npm run orders does what its banner says, and leaves no mail service behind', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'holdfast orders ü '))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const running = await start(data)
  await running.line(/Ctrl-C stops/)
  const tries = running.stdout.flatMap(line => /^ {2}try: {2}(.*?)(?: {3}.*)?$/.exec(line)?.[1] ?? [])
  expect(tries).toHaveLength(5)
  const [user = '', order = '', mails = '', off = '', on = ''] = tries

  expect(await shell(user)).toContain('202 Accepted')
  expect(await shell(order)).toContain('202 Accepted')
  await until('three mails are sent', async () => (await lines(mails)) === 3)
  expect(await shell(off)).toBe('the mail service is off\n')
  expect(await shell(order)).toContain('202 Accepted')
  await until('it is noticed', () => running.stderr.some(line => line.includes('mail is away')))
  expect(await shell(on)).toBe('the mail service is on\n')
  await until('five mails are sent', async () => (await lines(mails)) === 5)

  const second = await start(data)
  expect((await second.exited).code).toBe(3)
  expect(second.stderr.join('\n')).toContain(`pid ${running.pid}`)

  expect((await running.terminate()).code).toBe(0)
  await expect(shell(mails)).rejects.toThrow()
})

test('npm run orders says which variable is no port', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'holdfast orders ü '))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const refused = await start(data, { MAIL_PORT: 'mail' })
  expect((await refused.exited).code).toBe(1)
  expect(refused.stderr.join('\n')).toContain('MAIL_PORT must be a whole number')
})

function start(data: string, env: Readonly<Record<string, string>> = {}): Promise<Child> {
  return startChild({
    name: 'npm run orders',
    args: ['--conditions=holdfast-source', path.join(import.meta.dirname, 'main.ts')],
    env: {
      HOLDFAST_PORT: '0',
      HOLDFAST_ADMIN_PORT: '0',
      MAIL_PORT: '0',
      HOLDFAST_DATA: data,
      ORDERS_DATABASE_URL: database.url,
      ...env,
    },
  })
}

async function shell(command: string): Promise<string> {
  return (await promisify(execFile)('bash', ['-c', command])).stdout
}

async function lines(command: string): Promise<number> {
  return (await shell(command)).split('\n').length - 1
}
