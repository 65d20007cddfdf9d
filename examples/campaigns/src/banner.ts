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
  /** Free room on the disk of the log, in bytes. */
  readonly freeBytes: number | undefined
  /** What is gone on with, see {@link resumes}. Undefined for a new log. */
  readonly resumed: string | undefined
  readonly collectorUrl: string
  readonly adminUrl: string
  /** How long the start took. */
  readonly startedInMs: number
}

/** What is running, where it is, and what to try. Every command and address in it is run by a test. */
export function banner(facts: BannerFacts): string {
  const { log, local, durability, resumed, collectorUrl, adminUrl, settings } = facts
  const database = local
    ? `${local.version} (${local.kind}, ${at(settings.dataDir)}/pg-${Number.parseInt(local.version, 10)})`
    : `${facts.db.where} (DATABASE_URL; only the schemas holdfast and campaigns)`
  const where = settings.brokers ? `${log.where} (KAFKA_BROKERS; ` : `${at(log.where)} (`
  const free = facts.freeBytes === undefined ? '' : `, ${gibibytes(facts.freeBytes)} free`
  const traffic =
    settings.trafficPerSecond > 0
      ? `Sample traffic: ${settings.trafficPerSecond} events a second (npm start -- --no-traffic leaves it out).`
      : 'No sample traffic.'
  const anew = settings.brokers ? '' : ' (npm start -- --reset begins anew)'
  const lines = [
    `Holdfast ${version}, the campaigns example, started in ${(facts.startedInMs / 1_000).toFixed(1)} s`,
    `Log         ${where}${durability}${free})`,
    `PostgreSQL  ${database}`,
    `Collector   ${withNote(collectorUrl, settings.brokers ? '202 only after Kafka or the spool has the event' : '202 only after the event is on disk')}`,
    `Status      ${withNote(adminUrl, 'a page, open it')}`,
    `Metrics     ${adminUrl}/metrics`,
    ...(resumed === undefined ? [] : [`Goes on with ${resumed}${anew}`]),
    `try:  curl -i ${collectorUrl}/api/collect -H 'Content-Type: application/json' -H 'X-Api-Key: pk_demo' -d '{"type":"click","campaignId":"c1"}'`,
    `try:  ${withNote('npm run rows', 'what PostgreSQL holds now')}`,
    ...(local
      ? [
          `try:  ${withNote(`kill -9 ${local.pid()}`, 'kills PostgreSQL: events are still taken in, and it is started again after 10 s')}`,
        ]
      : []),
    `try:  ${withNote('npm run demo', 'REST beside the log while PostgreSQL is killed under load, audited by id')}`,
    `${traffic} Ctrl-C stops.`,
  ]
  return `\n${lines.map(line => `  ${line}\n`).join('')}\n`
}

function withNote(thing: string, note: string): string {
  return `${thing.padEnd(24)}   ${note}`
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}

/** Short where that helps, and always something that can be typed. */
function at(where: string): string {
  const relative = path.relative(process.cwd(), where)
  return relative.startsWith('..') ? path.resolve(where) : `./${relative}`
}
