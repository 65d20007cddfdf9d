import type { Clock } from '../../event/index.ts'
import type { MigrationProgress, MigrationReport, Survey, SurveyedPosition } from '../../migrate/index.ts'
import { age, bytes, count, perSecond } from '../../server/readable.ts'
import type { CliIo } from '../io.ts'
import { table } from '../table.ts'
import type { GroupBacklog } from './backlog.ts'

type Output = 'table' | 'json'

/** Which log, for people and programs. */
interface Place {
  readonly kind: string
  readonly where: string
}

export function printSurvey(
  {
    from,
    to,
    survey,
    backlogs,
  }: {
    readonly from: Place
    readonly to: Place
    readonly survey: Survey
    readonly backlogs: readonly GroupBacklog[]
  },
  output: Output,
): string {
  const { partitions, positions, refused } = survey
  if (output === 'json')
    return json({ dryRun: true, ...named(from, to), partitions, positions, backlogs, refused })
  const events = sum(partitions, ({ toCopy }) => toCopy)
  const known = partitions.reduce((all, { bytes: size = 0 }) => all + size, 0)
  const sections = [
    table(
      ['topic', 'partitions', 'events', 'bytes', 'to copy', 'passed over'],
      byTopic(partitions).map(([topic, of]) => [
        topic,
        String(of.length),
        String(sum(of, ({ start, end }) => end - start)),
        of.some(one => one.bytes === undefined)
          ? '-'
          : String(of.reduce((all, one) => all + (one.bytes ?? 0), 0)),
        String(sum(of, ({ toCopy }) => toCopy)),
        String(sum(of, ({ passed }) => passed)),
      ]),
    ),
    positionTable(positions),
    table(
      ['group', 'waiting for a retry', 'dead letters'],
      backlogs.map(({ group, parked, letters }) => [group, String(parked), String(letters)]),
    ),
    `${count(events)} events would be copied to ${to.kind} ${to.where}; the log takes ${bytes(known)} here\n`,
  ]
  return sections.join('\n')
}

export function printMoved(
  { from, to, report }: { readonly from: Place; readonly to: Place; readonly report: MigrationReport },
  output: Output,
): string {
  const { partitions, positions } = report
  if (output === 'json') return json({ dryRun: false, ...named(from, to), partitions, positions })
  return [
    table(
      ['topic', 'partitions', 'events', 'compared'],
      byTopic(partitions).map(([topic, of]) => [
        topic,
        String(of.length),
        String(sum(of, ({ records }) => BigInt(records))),
        'equal',
      ]),
    ),
    positionTable(positions),
  ].join('\n')
}

/** For people by topic and group; JSON has each partition, with its hash. */
function positionTable(positions: readonly SurveyedPosition[]): string {
  const groups = Map.groupBy(positions, ({ group, topic }) => `${group} ${topic}`)
  return table(
    ['group', 'topic', 'partitions', 'lag'],
    [...groups.values()].map(of => [
      of[0]?.group ?? '',
      of[0]?.topic ?? '',
      String(of.length),
      String(sum(of, ({ lag }) => lag)),
    ]),
  )
}

function byTopic<T extends { readonly topic: string }>(partitions: readonly T[]): [string, T[]][] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)]
}

function sum<T>(of: readonly T[], what: (one: T) => bigint): bigint {
  return of.reduce((all, one) => all + what(one), 0n)
}

function named(from: Place, to: Place): { readonly from: Place; readonly to: Place } {
  return { from: { kind: from.kind, where: from.where }, to: { kind: to.kind, where: to.where } }
}

/** Offsets as digits: they are larger than JSON's numbers. */
function json(report: object): string {
  const digits = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
  const text = JSON.stringify({ format: 1, ...report }, digits, 2)
  return `${text}\n`
}

/** `process 12`, `processes 12, 13`. */
export function pids(holders: readonly number[]): string {
  return `${holders.length === 1 ? 'process' : 'processes'} ${holders.join(', ')}`
}

const EVERY_MS = 2_000

/** A line now and then for as long as a step takes. */
export function progressLines(io: CliIo, clock: Clock): (of: MigrationProgress) => void {
  let step: { readonly name: string; readonly since: number; readonly from: number } | undefined
  let told = clock.monotonic()
  return ({ step: name, done, of }) => {
    const now = clock.monotonic()
    if (step?.name !== name || done < step.from) step = { name, since: now, from: done }
    if (now - told < EVERY_MS && done > 0) return
    told = now
    const seconds = (now - step.since) / 1_000
    const rate = seconds > 0 ? (done - step.from) / seconds : 0
    const left = rate > 0 ? `, about ${age((of - done) / rate)} left` : ''
    io.err(
      `${name} ${count(done)} of ${count(of)} ${name === 'passed over' ? 'offsets' : 'events'}, ${perSecond(rate)}${left}\n`,
    )
  }
}
