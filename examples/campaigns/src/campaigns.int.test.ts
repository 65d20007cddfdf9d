import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgres } from 'holdfast'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../../../test/harness/until.ts'
import { testDatabase } from '../../../test/postgres.ts'
import { anyLog } from '../../../test/support/test-logs.ts'
import { campaigns, type CampaignsApp } from './app.ts'
import { sampleEvent } from './sample-events.ts'
import { createTables } from './tables.ts'

const database = testDatabase()
const folder = mkdtempSync(join(tmpdir(), 'holdfast-campaigns-'))
/** On a log on other machines. */
const spoolIn = (name: string): { folder: string } => ({ folder: join(folder, name) })
let client: Client
let app: CampaignsApp

beforeAll(async () => {
  client = new Client({ connectionString: database.url })
  await client.connect()
  await createTables(database.url)
  app = campaigns({ log: anyLog(), db: postgres(database.url), port: 0, spool: spoolIn('app') })
  await app.start()
})

afterAll(async () => {
  await app.stop()
  await client.end()
  rmSync(folder, { recursive: true, force: true })
})

async function post(body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${app.door.port}/api/collect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'pk_demo' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function rows(sql: string): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(sql)).rows
}

const caughtUp = (): Promise<boolean> =>
  until('all groups are caught up', async () =>
    (await app.groups()).every(({ lag, parked }) => lag === 0n && parked === 0),
  )

// One app for the whole file: each test adds its own events.
describe('the campaigns example on a real PostgreSQL', () => {
  it('takes one event and many, and keeps and counts each of them once', async () => {
    expect((await post({ type: 'click', campaignId: 'c1' })).status).toBe(202)
    let state = 11
    const random = (): number => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
    const many = Array.from({ length: 400 }, (_, i) => ({ id: `sample-${i}`, ...sampleEvent(random) }))
    expect((await post(many)).status).toBe(202)
    // Sent again, as a client does that did not get the answer.
    expect((await post(many)).status).toBe(202)
    await caughtUp()

    expect(await rows('select count(*)::int as n from campaigns.raw_events')).toEqual([{ n: 401 }])
    expect(await rows('select sum(count)::int as n from campaigns.campaign_minutes')).toEqual([{ n: 401 }])
    expect(await rows('select sum(count)::int as n from campaigns.segment_minutes')).toEqual([{ n: 401 }])
  })

  it('agrees about every type, however the events were counted', async () => {
    const kept = await rows(
      'select type, count(*)::int as n from campaigns.raw_events group by type order by type',
    )
    for (const table of ['campaign_minutes', 'segment_minutes']) {
      expect(
        await rows(`select type, sum(count)::int as n from campaigns.${table} group by type order by type`),
        table,
      ).toEqual(kept)
    }
  })

  it('tells countries and devices apart, by the rules of the tenant', async () => {
    const segments = await rows('select distinct country, device from campaigns.segment_minutes')
    const countries = new Set(segments.map(({ country }) => country))
    expect(countries).toContain('GB')
    expect(countries).toContain('DACH')
    expect(countries).not.toContain('DE')
    expect(new Set(segments.map(({ device }) => device))).toEqual(
      new Set(['desktop', 'mobile', 'tablet', 'bot', 'other']),
    )
  })

  it('scores a burst of clicks and leaves a quiet visitor alone', async () => {
    const visitor = {
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0',
      address: '8.8.8.8',
    }
    const time = '2026-01-31T08:30:10Z'
    await post(Array.from({ length: 25 }, () => ({ type: 'click', campaignId: 'burst', visitor, time })))
    await post({ type: 'click', campaignId: 'quiet', visitor, time })
    await caughtUp()
    const scores = `select campaign_id, clicks::int, score from campaigns.fraud_scores
      where campaign_id in ('burst', 'quiet') order by campaign_id`
    expect(await rows(scores)).toEqual([
      { campaign_id: 'burst', clicks: 25, score: 100 },
      { campaign_id: 'quiet', clicks: 1, score: 0 },
    ])
  })

  it('publishes a campaign, once, and says so to whoever wants to know', async () => {
    const publish = async (id: string, key = 'pk_demo'): Promise<{ status: number; body: unknown }> => {
      const url = `http://127.0.0.1:${app.door.port}/api/campaigns/${id}/publish`
      const answer = await fetch(url, { method: 'POST', headers: { 'x-api-key': key } })
      return { status: answer.status, body: await answer.json() }
    }
    // A double click: one of them publishes, the other waits for it and finds it done.
    const clicks = await Promise.all([publish('c1'), publish('c1')])
    expect(clicks.map(({ status }) => status)).toEqual([200, 200])
    const events = clicks.flatMap(({ body }) => (body as { event?: string }).event ?? [])
    expect(events).toHaveLength(1)
    expect(await publish('c1')).toEqual({ status: 200, body: { campaignId: 'c1', live: true } })
    expect((await publish('c99')).status).toBe(404)
    expect((await publish('c2', 'pk_other')).status).toBe(401)
    const launches = 'select event_id, tenant_id, campaign_id from campaigns.launches'
    expect(
      await until('its row is there', async () => {
        const found = await rows(launches)
        return found.length > 0 && found
      }),
    ).toEqual([{ event_id: events[0], tenant_id: 'demo', campaign_id: 'c1' }])
    expect(await rows('select campaign_id from campaigns.campaigns where live')).toEqual([
      { campaign_id: 'c1' },
    ])
  })

  it('refuses an event that does not fit, and keeps nothing of it', async () => {
    const before = await rows('select count(*)::int as n from campaigns.raw_events')
    expect(await post({ type: 'click' })).toMatchObject({ status: 422, body: { code: 'schema_violation' } })
    expect(await post({ type: 'purchase', campaignId: 'c1' })).toMatchObject({ status: 404 })
    await caughtUp()
    expect(await rows('select count(*)::int as n from campaigns.raw_events')).toEqual(before)
  })
})

it('while the database is away a click is taken, and publishing a campaign has to wait', async () => {
  const db = postgres('postgres://127.0.0.1:1/none')
  const away = campaigns({ log: anyLog(), db, port: 0, spool: spoolIn('away') })
  await away.start()
  onTestFinished(() => away.stop())
  const url = `http://127.0.0.1:${away.door.port}/api`
  const headers = { 'content-type': 'application/json', 'x-api-key': 'pk_demo' }
  const click = { method: 'POST', headers, body: '{"type":"click","campaignId":"c1"}' }
  expect((await fetch(`${url}/collect`, click)).status).toBe(202)
  const publish = await fetch(`${url}/campaigns/c1/publish`, { method: 'POST', headers })
  expect([publish.status, publish.headers.get('retry-after')]).toEqual([503, '1'])
})
