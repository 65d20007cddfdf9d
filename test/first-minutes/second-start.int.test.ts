import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { click, drained, exampleFolder, startExample } from '../harness/example.ts'
import { until } from '../harness/until.ts'
import { testDatabase } from '../postgres.ts'

const database = testDatabase()

/** Everything in the database that belongs to no schema of Holdfast or of the example, and the roles of the server. */
async function foreignObjects(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(`
    with others as (select oid, nspname from pg_namespace where nspname not in ('holdfast', 'campaigns')
                    and nspname not like 'pg_toast_temp_%' and nspname not like 'pg_temp_%')
    select 'schema' as kind, nspname::text as name from others
    union all select 'relation', nspname || '.' || relname from pg_class join others on others.oid = relnamespace
      where nspname <> 'pg_toast'
    union all select 'function', nspname || '.' || proname from pg_proc join others on others.oid = pronamespace
    union all select 'type', nspname || '.' || typname from pg_type join others on others.oid = typnamespace
    union all select 'extension', extname from pg_extension
    union all select 'role', rolname from pg_roles
    union all select 'setting', setrole || ' ' || setconfig::text from pg_db_role_setting
    union all select 'trigger', evtname from pg_event_trigger
    order by 1, 2`)
  return rows
}

it('npm start on a database of the user: one run on a folder, what is resumed is said, and nothing else is touched', async () => {
  const mine = new Client({ connectionString: database.url })
  await mine.connect()
  try {
    await mine.query('create table public.mine (id int)')
    const before = await foreignObjects(mine)
    const data = exampleFolder()
    const options = { data, databaseUrl: database.url }

    const first = await startExample(options)
    const { collectorUrl, adminUrl } = await first.running()
    const { host, pathname } = new URL(database.url)
    expect(first.said()).toContain(
      `PostgreSQL  ${host}${pathname} (DATABASE_URL; only the schemas holdfast and campaigns)`,
    )
    expect(first.said()).toMatch(/Log +\S.*\(fsync, [\d,.]+ GiB free\)/)
    expect(first.said()).not.toContain('Goes on with')

    // The page at the root: its own command works, and its links lead somewhere.
    const page = await (await fetch(collectorUrl.replace('127.0.0.1', 'localhost'))).text()
    expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(10)
    // As it stands there, without a browser that would undo what is escaped.
    const curl = /<pre>(.*)<\/pre>/.exec(page)?.[1] ?? ''
    expect((await promisify(execFile)('bash', ['-c', curl])).stdout).toMatch(/^HTTP\/1\.1 202 Accepted/)
    for (const [, href = ''] of page.matchAll(/href="([^"]+)"/g)) {
      expect((await fetch(new URL(href, collectorUrl))).status, href).toBe(200)
    }

    for (const args of [[], ['--reset', '--yes']]) {
      const second = await startExample({
        ...options,
        databaseUrl: '',
        args,
        env: { HOLDFAST_PORT: new URL(collectorUrl).port },
      })
      expect(await second.child.exited).toMatchObject({ code: 3 })
      expect(second.said()).toContain(
        `ALREADY_RUNNING: Already running: pid ${first.child.pid}, ${collectorUrl}, status ${adminUrl}`,
      )
    }
    expect(existsSync(join(data, 'log', 'data.mdb'))).toBe(true)
    expect((await click(collectorUrl)).status).toBe(202)
    await drained(adminUrl)

    // The terminal window is closed.
    process.kill(first.child.pid, 'SIGHUP')
    expect(await first.child.exited).toMatchObject({ code: 0 })
    // Not a terminal, so every line is for machines.
    const lines = first.child.stderr.map(
      line => JSON.parse(line) as { level: number; time: string; msg: string },
    )
    expect(lines.map(({ msg }) => msg.split(':')[0])).toEqual(['stopping', 'stopped'])
    expect(new Date(lines[0]?.time ?? '').getFullYear()).toBeGreaterThan(2000)

    const third = await startExample(options)
    const again = await third.running()
    expect(third.said()).toContain(
      'Goes on with 2 events in events.raw and 2 events in events.enriched; every group has done them all',
    )

    // A handler that does not come back, because somebody else holds its table: it is named, and the end is in time.
    await mine.query('begin')
    await mine.query('lock table campaigns.raw_events')
    expect((await click(again.collectorUrl)).status).toBe(202)
    await until('the handler hangs', async () => {
      const report = (await (await fetch(`${again.adminUrl}/status.json`)).json()) as {
        standing: { groups: { group: string; partitions: { inFlight: number }[] }[] }
      }
      return report.standing.groups
        .find(({ group }) => group === 'persister')
        ?.partitions.some(p => p.inFlight > 0)
    })
    const asked = performance.now()
    expect(await third.child.terminate()).toMatchObject({ code: 0 })
    // 10 s are promised; the rest is for a machine that does other things as well.
    expect(performance.now() - asked).toBeLessThan(15_000)
    expect(third.said()).toMatch(/stopping: waiting at most 5s for .* in work \(.*persister 1.*\)/)
    await mine.query('rollback')

    expect(await foreignObjects(mine)).toEqual(before)
    const { rows } = await mine.query<{ count: string }>('select count(*) from campaigns.raw_events')
    expect(rows).toEqual([{ count: '2' }])
  } finally {
    await mine.end()
  }
})
