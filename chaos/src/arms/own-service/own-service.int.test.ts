import { expect, test } from 'vitest'
import { testDatabase } from '../../../../test/postgres.ts'
import { arms } from '../index.ts'
import { withClient } from '../store.ts'
import { drainedAudit, startArm } from '../testing.ts'
import { ownService, quietFor } from './arm.ts'

const database = testDatabase()

test('a service that runs already is audited by a query, whatever it had before', async () => {
  const { rest } = arms
  if (!rest) throw new Error('no arm')
  const service = await startArm(rest, database.url)
  await withClient(database.url, client =>
    client.query("insert into drivers.positions (id, driver, speed, payload) values ('old', 'k0', 1, '{}')"),
  )
  const query = 'select id, driver as key, payload from drivers.positions order by seq'
  const options = { target: service.target, databaseUrl: database.url, query }
  const own = await startArm(ownService(options), database.url)
  expect(await own.sender.post(3)).toEqual(['accepted', 'accepted', 'accepted'])
  await withClient(database.url, client =>
    client.query(
      "delete from drivers.positions where id = 'e-1'; update drivers.positions set driver = 'k9' where id = 'e-2'",
    ),
  )
  const { findings, counts } = await drainedAudit(own)
  expect(counts).toMatchObject({ accepted: 3, rows: 2 })
  expect(findings).toMatchObject({ lost: ['e-1'], altered: ['e-2'], ghosts: [] })
})

test('a query without the columns that an audit needs is refused before anything is sent', async () => {
  const target = { url: 'http://127.0.0.1:9/', headers: {}, body: '{data}', data: '{}', attempts: 1 }
  const arm = ownService({ target, databaseUrl: database.url, query: "select 'a' as id" })
  await expect(startArm(arm, database.url)).rejects.toThrow('no column key, payload')
})

test('rows that have not become more for a while are all that will come', () => {
  const quiet = quietFor(5_000)
  expect([quiet(3, 0), quiet(3, 4_999), quiet(4, 5_000), quiet(4, 9_999), quiet(4, 10_000)]).toEqual([
    false,
    false,
    false,
    false,
    true,
  ])
})
