import path from 'node:path'
import type { Database, LogDriver } from 'holdfast'
import { version, type KeptPostgres } from 'holdfast/server'
import type { Settings } from './settings.ts'

export interface BannerFacts {
  readonly settings: Settings
  readonly log: Pick<LogDriver, 'where'>
  readonly db: Pick<Database, 'where'>
  readonly local: Pick<KeptPostgres, 'version' | 'kind' | 'pid'> | undefined
  readonly durability: string
  /** The data folder was there before. */
  readonly resumed: boolean
  readonly collectorUrl: string
  readonly adminUrl: string
}

/** What is running, where it is, and what to try. Every command and address in it is run by a test. */
export function banner(facts: BannerFacts): string {
  const { log, local, durability, resumed, collectorUrl, adminUrl, settings } = facts
  const database = local
    ? `PostgreSQL ${local.version} (${local.kind}, ${at(settings.dataDir)}/pg-${Number.parseInt(local.version, 10)})`
    : `PostgreSQL ${facts.db.where} (DATABASE_URL)`
  const lines = [
    `Holdfast ${version}   log ${at(log.where)} (${durability})   ${database}   campaigns example`,
    `Collector   ${collectorUrl}           202 only after the event is on disk`,
    `Status      ${adminUrl}           (open it)`,
    `Metrics     ${adminUrl}/metrics`,
    ...(resumed ? [`Goes on with what is in ${at(settings.dataDir)}`] : []),
    `try:  curl -i ${collectorUrl}/api/collect -H 'Content-Type: application/json' -H 'X-Api-Key: pk_demo' -d '{"type":"click","campaignId":"c1"}'`,
    'try:  npm run rows               what PostgreSQL holds now',
    ...(local
      ? [
          `try:  kill -9 ${local.pid()}               kills PostgreSQL: events are still taken in, and it is back after 10 s`,
        ]
      : []),
    settings.trafficPerSecond > 0
      ? `Sample traffic: ${settings.trafficPerSecond} events a second (npm start -- --no-traffic leaves it out). Ctrl-C stops.`
      : 'No sample traffic. Ctrl-C stops.',
  ]
  return `\n${lines.map(line => `  ${line}\n`).join('')}\n`
}

/** Short where that helps, and always something that can be typed. */
function at(where: string): string {
  const relative = path.relative(process.cwd(), where)
  return relative.startsWith('..') ? path.resolve(where) : `./${relative}`
}
