import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { click, drained, startExample } from '../harness/example.ts'
import { observed } from '../harness/observed.ts'
import { noSmallDisk, smallDisk } from '../harness/small-disk.ts'
import { until } from '../harness/until.ts'
import { testDatabase } from '../postgres.ts'

const database = testDatabase()
const bin = join(import.meta.dirname, '../../bin/holdfast.js')

async function lagOf(adminUrl: string, group: string): Promise<string | undefined> {
  const report = (await (await fetch(`${adminUrl}/status.json`)).json()) as {
    standing: { groups: { group: string; lag: string }[] }
  }
  return report.standing.groups.find(one => one.group === group)?.lag
}

function doctor(folder: string): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    HOLDFAST_DATA: folder,
    HOLDFAST_PORT: '0',
    HOLDFAST_ADMIN_PORT: '0',
    DATABASE_URL: '',
  }
  return spawnSync(process.execPath, [bin, 'doctor'], { env, encoding: 'utf8' })
}

it.skipIf(noSmallDisk)(
  'npm start on a disk that gets full: 503 not_stored, not ready, what is in the log is still done, and room alone makes it go on',
  async () => {
    const disk = smallDisk(192)
    const { folder } = disk
    const example = await startExample({ data: folder, databaseUrl: database.url })
    const { collectorUrl, adminUrl } = await example.running()
    expect(example.said()).toMatch(/Log +\S.*\(fsync, 0\.[12] GiB free\)/)
    expect((await click(collectorUrl)).status).toBe(202)
    await drained(adminUrl)

    // The groups are held up meanwhile, so that positions are to be kept when there is no room for anything.
    const other = new Client({ connectionString: database.url })
    await other.connect()
    await other.query('begin')
    await other.query('lock table campaigns.raw_events, campaigns.campaign_minutes')
    for (let n = 0; n < 20; n++) expect((await click(collectorUrl, `c${n}`)).status).toBe(202)
    const bytes = disk.fill()
    const refused = await click(collectorUrl)
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'not_stored' })
    await until('not ready', async () => (await fetch(`${adminUrl}/readyz`)).status === 503)
    const examined = doctor(folder)
    expect(examined.status, examined.stdout + examined.stderr).toBe(7)
    expect(examined.stdout).toMatch(/^fail +free space/m)

    await other.query('rollback')
    await other.end()
    for (const group of ['persister', 'analytics']) {
      await until(`${group} has done all`, async () => (await lagOf(adminUrl, group)) === '0')
    }
    const still = await click(collectorUrl)
    expect(still.status).toBe(503)

    disk.free()
    await until('ready again', async () => (await fetch(`${adminUrl}/readyz`)).status === 200)
    expect((await click(collectorUrl)).status).toBe(202)
    await drained(adminUrl)
    expect(await example.child.terminate()).toMatchObject({ code: 0 })
    observed(
      `${bytes} bytes by another until ENOSPC, 503 not_stored, groups done meanwhile, and on with the same process`,
    )

    // What the groups did on the full disk was kept: nothing is done again.
    const again = await startExample({ data: folder, databaseUrl: database.url })
    await again.running()
    expect(again.said()).toContain(
      'Goes on with 22 events in events.raw and 22 events in events.enriched; every group',
    )
    const { stdout } = doctor(folder)
    expect(stdout).toMatch(/file system .* memory, empty after a restart/)
    expect(stdout).toMatch(/fsync .*: this disk may not honour fsync/)
  },
)
