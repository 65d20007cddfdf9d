import { Client } from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { testDatabase } from '../../../test/postgres.ts'
import { rejection } from '../../sink/suite/world.ts'
import { silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { Sink } from '../../sink/index.ts'
import { postgres, printMigrations } from './index.ts'

const database = testDatabase()

async function ask(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

async function withSink<T>(use: (sink: Sink) => Promise<T>, url = database.url): Promise<T> {
  const sink = await postgres(url).open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  try {
    return await use(sink)
  } finally {
    await sink.close()
  }
}

const migrate = (): Promise<void> => withSink(sink => sink.migrate())

describe('migrations', () => {
  beforeEach(async () => {
    await ask('drop schema if exists holdfast cascade')
  })

  it('are applied once by many processes that start together', async () => {
    await Promise.all([migrate(), migrate(), migrate(), migrate()])
    expect(await ask('select version from holdfast.migration')).toEqual([
      { version: 1 },
      { version: 2 },
      { version: 3 },
      { version: 4 },
    ])
  })

  it('refuse a schema that a newer version made, and one whose text was changed', async () => {
    await migrate()
    await ask(`insert into holdfast.migration values (999, 'from the future', 'x')`)
    expect(await rejection(migrate())).toBe('SINK_VERSION')
    await ask(`delete from holdfast.migration where version = 999`)
    await ask(`update holdfast.migration set checksum = 'other' where version = 1`)
    expect(await rejection(migrate())).toBe('SINK_VERSION')
  })

  it('can be printed and applied by hand, after which nothing is left to do', async () => {
    await ask(printMigrations())
    const before = await ask('select version, checksum, applied_at from holdfast.migration')
    await migrate()
    expect(await ask('select version, checksum, applied_at from holdfast.migration')).toEqual(before)
  })

  it('need no right to create once they are done', async () => {
    await migrate()
    await ask(`drop role if exists plain; create role plain login password 'plain'; grant connect on database ${new URL(
      database.url,
    ).pathname.slice(
      1,
    )} to plain; grant usage on schema holdfast to plain; grant select on all tables in schema holdfast to plain;
      grant execute on all functions in schema holdfast to plain`)
    const url = new URL(database.url)
    url.username = 'plain'
    url.password = 'plain'
    await withSink(sink => sink.migrate(), url.href)
    await ask('drop owned by plain; drop role plain')
  })

  it('the fence refuses any isolation but read committed', async () => {
    await migrate()
    for (const isolation of ['repeatable read', 'serializable']) {
      const refused = ask(`begin isolation level ${isolation}; select holdfast.fence(1, 1)`)
      expect(await rejection(refused)).toBe('HF002')
    }
    expect(await rejection(ask('begin; select holdfast.fence(1, 1)'))).toBe('HF001')
  })
})
