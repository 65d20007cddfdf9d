// `npm run rows`: what the tables hold now, without psql.
import process from 'node:process'
import { outliveReaders } from 'holdfast/server'
import { Client } from 'pg'
import { findRun } from './run-file.ts'

outliveReaders()
const dataDir = process.env['HOLDFAST_DATA'] || '.holdfast'
const databaseUrl = findRun(dataDir)?.databaseUrl
if (databaseUrl === undefined) {
  process.stderr.write(`rows: nothing runs on ${dataDir}. Start it by \`npm start\` first.\n`)
  process.exit(1)
}

const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 3_000 })
try {
  await client.connect()
} catch (error) {
  process.stderr.write(
    `rows: PostgreSQL is away (${error instanceof Error ? error.message : String(error)}). Events wait in the log; ask again when it is back.\n`,
  )
  process.exit(1)
}

const { rows: totals } = await client.query<{ events: string; by_campaign: string; by_segment: string }>(`
  select (select count(*) from campaigns.raw_events) as events,
         (select coalesce(sum(count), 0) from campaigns.campaign_minutes) as by_campaign,
         (select coalesce(sum(count), 0) from campaigns.segment_minutes) as by_segment`)
const { rows: campaigns } = await client.query<Record<string, string>>(`
  select campaign_id as campaign,
         coalesce(sum(count) filter (where type = 'impression'), 0) as impressions,
         coalesce(sum(count) filter (where type = 'click'), 0) as clicks,
         coalesce(sum(count) filter (where type = 'conversion'), 0) as conversions
  from campaigns.campaign_minutes group by campaign_id order by sum(count) desc, campaign_id limit 10`)
const { rows: newest } = await client.query<Record<string, string>>(`
  select event_id as event, campaign_id as campaign, type, accepted_at::text as accepted
  from campaigns.raw_events order by accepted_at desc limit 3`)
await client.end()

const [total] = totals
process.stdout.write(
  `events kept ${total?.events}, counted by campaign ${total?.by_campaign}, counted by segment ${total?.by_segment}\n`,
)
for (const rows of [campaigns, newest]) {
  const [first] = rows
  if (!first) continue
  const columns = Object.keys(first)
  const width = (column: string): number =>
    Math.max(column.length, ...rows.map(row => String(row[column]).length))
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, i) => cell.padEnd(width(columns[i] ?? '')))
      .join('  ')
      .trimEnd()}\n`
  process.stdout.write(
    `\n${line(columns)}${rows.map(row => line(columns.map(c => String(row[c])))).join('')}`,
  )
}
