import type { PlanCounts } from '../../consume/index.ts'
import { HoldfastError, offset, parseRate, type Position, type Rate } from '../../event/index.ts'
import { replayModes, type ReplayMode } from '../../recover/index.ts'
import type { ReplayJobOptions } from '../replays.ts'
import { knownGroup } from './group-standing.ts'
import { momentOf } from './moment.ts'
import { mayRun, type Operation, type OperationContext } from './operation.ts'
import { rangeFields, rangeRow, type RangeRow } from './replay-range.ts'
import { choice, nullable, number, object, optional, rows, text, type Fields } from './shape.ts'

export interface ReplayStartInput {
  readonly group: string
  readonly mode: ReplayMode
  readonly from: string
  readonly to?: string | undefined
  readonly rate?: string | undefined
}

export interface ReplayStart {
  /** Of the job that was asked for; null for a preview. */
  readonly job: string | null
  /** Null once it is asked for: it would be counted a second time, by reading everything. */
  readonly counts: PlanCounts | null
  readonly parts: readonly (RangeRow & { readonly counts: PlanCounts | null })[]
  readonly types: readonly (PlanCounts & { readonly type: string })[]
}

const countFields: Fields<PlanCounts> = {
  events: number('all of them'),
  missing: number('they would run'),
  passed: number('no effect of the group takes them'),
  left: number(
    'they have a dead letter or wait for a retry; in a reprocess these are superseded, and they run',
  ),
  known: number('they were applied'),
  unknown: number('their inbox day is gone, so nobody knows'),
  unreadable: number('they cannot be read'),
}

const place = 'a moment such as 2026-06-10 or -1h, or TOPIC/PARTITION@OFFSET'
const placeText = String.raw`\S+/\d+@\d+|\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d))?|\d{10,14}|-\d+(\.\d+)?(ms|s|m|h|d)`

export const replayStart: Operation<ReplayStartInput, ReplayStart> = {
  name: 'replay.start',
  summary:
    'run a range of events again for a group: those whose effects are missing, or all; without --execute they are counted',
  role: 'operator',
  effect: 'decision',
  input: object<ReplayStartInput>({
    group: text('its name'),
    mode: choice(
      'fill: apply the effects that are missing, beside live events; reprocess: take back what was done, and run everything again',
      replayModes,
    ),
    from: text(`where it begins: earliest, ${place}`, { pattern: new RegExp(`^(earliest|${placeText})$`) }),
    to: optional(
      text(`below which it ends: ${place}; where nothing is said, where the group is`, {
        pattern: new RegExp(`^(${placeText})$`),
      }),
    ),
    rate: optional(text('events a second at most, such as 500/s', { max: 20 })),
  }),
  output: object<ReplayStart>({
    job: nullable(text('the job that was asked for')),
    counts: nullable(object<PlanCounts>(countFields)),
    parts: rows(
      object<ReplayStart['parts'][number]>({
        ...rangeFields,
        counts: nullable(object<PlanCounts>(countFields)),
      }),
    ),
    types: rows(object<ReplayStart['types'][number]>({ type: text('an event type'), ...countFields })),
  }),
  async run(context, input) {
    const { app, execute, actor, reason, signal } = context
    if (!app) {
      throw new HoldfastError('REPLAY_REFUSED', {
        detail: `which effects group ${input.group} has is known where it runs; name a process that runs it with --url`,
      })
    }
    const { group, rate } = input
    await knownGroup(context, group)
    if (rate !== undefined) parseRate(rate, 'rate')
    const options: ReplayJobOptions = {
      mode: input.mode,
      from: input.from === 'earliest' ? 'earliest' : placeOf(input.from, context),
      to: input.to === undefined ? undefined : placeOf(input.to, context),
      rate: rate as Rate | undefined,
      reason,
      by: actor.name,
    }
    if (execute) {
      mustBeAdmin(context, input.mode)
      const job = await app.replay(group, { ...options, dryRun: false })
      const { parts } = await job.progress()
      return {
        job: job.id,
        counts: null,
        parts: parts.map(part => ({ ...rangeRow(part), counts: null })),
        types: [],
      }
    }
    const plan = await app.replay(group, { ...options, dryRun: true, signal })
    return {
      job: null,
      counts: plan.counts,
      parts: plan.parts.map(part => ({ ...rangeRow(part), counts: part.counts })),
      types: Object.entries(plan.types).map(([type, counts]) => ({ type, ...counts })),
    }
  },
}

/** A reprocess begins with deleting what handlers have written. */
function mustBeAdmin({ actor }: OperationContext, mode: ReplayMode): void {
  if (mode === 'fill' || mayRun(actor.role, 'admin')) return
  throw new HoldfastError('ACCESS_DENIED', {
    detail: `a ${mode} needs the role admin, ${actor.name} has ${actor.role}`,
    facts: { needed: 'admin' },
  })
}

/** What `placeText` has let through. */
function placeOf(given: string, { clock }: OperationContext): Date | Position {
  const [, topic, partition, at] = /^(\S+)\/(\d+)@(\d+)$/.exec(given) ?? []
  if (topic === undefined || at === undefined) return new Date(momentOf(given, clock.now()))
  return { topic, partition: Number(partition), offset: offset(at) }
}
