import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startChild, type Child } from '../../../test/harness/child.ts'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'

const root = path.join(import.meta.dirname, '../../..')
const database = testDatabase()

test('the commands of its README run it, and what the curl of it sends ends in both tables', async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'holdfast-drivers-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const readme = readFileSync(path.join(root, 'examples/drivers/README.md'), 'utf8')
  const [, createTables = ''] = /^npx node (\S+)$/m.exec(readme) ?? []
  const [, command = '', file = ''] = /^npx holdfast (\w+) (\S+)$/m.exec(readme) ?? []
  const [, address = '', body = ''] = /^curl -i (\S+) .*-d '(.*)'$/m.exec(readme) ?? []
  const env = { DATABASE_URL: database.url, HOLDFAST_DATA: data, HOLDFAST_PORT: '0' }

  const made = await startChild({ name: 'create-tables', args: [createTables], env, cwd: root })
  expect((await made.exited).code).toBe(0)
  const args = ['bin/holdfast.js', command, file, '--admin-port', '0']
  const app = await startChild({ name: 'drivers', args, env, cwd: root })
  const door = await until('it serves', () => doorOf(app))
  const answer = await fetch(`http://${address.replace('4300', door)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body,
  })
  expect([answer.status, await answer.text()]).toEqual([202, expect.any(String)])

  const client = new Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  const found = await until('both groups have written', async () => {
    const { rows } = await client.query<{ payload: string; updates: string }>(
      'select payload, updates from drivers.positions join drivers.latest using (driver)',
    )
    return rows[0]
  })
  const { data: sent } = JSON.parse(body) as { data: unknown }
  expect(found).toEqual({ payload: JSON.stringify(sent), updates: '1' })
  expect((await app.terminate()).code).toBe(0)
})

function doorOf(app: Child): string | undefined {
  return app.stderr.map(line => /collector http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]).find(Boolean)
}
