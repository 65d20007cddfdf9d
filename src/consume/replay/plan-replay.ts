import {
  decodeEvent,
  HoldfastError,
  partitionId,
  type Envelope,
  type LogRecord,
  type Offset,
} from '../../event/index.ts'
import type { Committed, Log } from '../../log/index.ts'
import {
  letteredIn,
  replayRanges,
  type Range,
  type ReplayMode,
  type ReplayRange,
} from '../../recover/index.ts'
import { openLanes } from '../../recover/lane/index.ts'
import type { Sink } from '../../sink/index.ts'
import { generationIn } from '../generations.ts'
import { usesDatabase, type GroupSettings } from '../settings.ts'
import { noReset } from './reprocess.ts'
import { sortAgain, sortPage, type Sorted } from './sort-page.ts'

/** What a replay would do, counted event by event. */
export interface ReplayPlan {
  readonly group: string
  readonly mode: ReplayMode
  readonly counts: PlanCounts
  readonly parts: readonly (Range & { readonly counts: PlanCounts })[]
  /** By event type; `'?'` for what carries none. */
  readonly types: Readonly<Record<string, PlanCounts>>
}

/**
 * `missing` would run. The others would not: `passed`: no effect of the group takes them; `left`: they have a dead letter
 * or wait for a retry; `known`: they were applied; `unknown`: their inbox day is gone; `unreadable`: they would get a dead
 * letter, or hold the replay up when their type or version is not known here.
 *
 * Of a reprocess `missing` and `left` run; the letters and retries of the latter are superseded. It asks no inbox, so
 * nothing is `known` or `unknown`.
 */
export type PlanCounts = Readonly<
  Record<'events' | 'missing' | 'passed' | 'left' | 'known' | 'unknown' | 'unreadable', number>
>

export interface ReplayScope {
  readonly log: Log
  readonly sink: Sink
  readonly settings: GroupSettings
  /** Of the group. */
  readonly committed: readonly Committed[]
}

const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 0 }
const ONE = { maxRecords: 1, maxBytes: 1, waitMs: 0 }

/**
 * The ranges of a fill. Throws `REPLAY_REFUSED` for a group or a range of which nobody can know what is missing, and
 * where there is nothing to do.
 */
export async function fillRanges(scope: ReplayScope, wanted: ReplayRange): Promise<readonly Range[]> {
  const { log, sink, settings, committed } = scope
  const refuse = (detail: string): never => {
    throw new HoldfastError('REPLAY_REFUSED', { detail: `group ${settings.group}: ${detail}` })
  }
  if ([...settings.handlers.values()].every(handler => handler.kind === 'on'))
    refuse('it has no effects, and of a call to the outside nobody knows whether it was made')
  if (settings.dedup === 'offsets')
    refuse(
      "with dedup 'offsets' the database keeps no ids, so what is missing cannot be told from what was done",
    )
  const ranges = await replayRanges(log, partitionsOf(settings), committed, wanted)
  if (ranges.length === 0) refuse('the log has no events of this range that the group is done with')
  const forgotten = await firstForgotten(scope, ranges)
  if (!forgotten) return ranges
  const { range, generation } = forgotten
  const from = await sink.knownFrom({ group: settings.group, generation })
  return refuse(
    `its inbox has forgotten what was applied of the day on which ${partitionId(range)} begins; events accepted from ${new Date(from).toISOString()} on are known; keep more days with inboxKept`,
  )
}

/**
 * The first range that begins on a forgotten day. Days from before the group began are not forgotten: nothing of them was
 * ever there. A forgotten day further on is counted, event by event.
 */
async function firstForgotten(
  { log, sink, settings }: ReplayScope,
  ranges: readonly Range[],
): Promise<{ readonly range: Range; readonly generation: number } | undefined> {
  const { signal } = new AbortController()
  const { group } = settings
  for (const range of ranges) {
    const generationOf = generationIn(await sink.reprocessed({ ...range, group }))
    const generation = generationOf(range.from)
    const [first] = (await log.read({ ...range, offset: range.from }, ONE, signal)).records
    const asked = first && inboxKeyOf(first)
    if (asked && (await sink.lookUp({ group, generation }, [asked], signal))[0] === 'unknown')
      return { range, generation }
  }
  return undefined
}

/**
 * The ranges of a reprocess. Throws `REPLAY_REFUSED` for a group that cannot take back what it did, and where there is
 * nothing to do.
 */
export async function reprocessRanges(
  { log, settings, committed }: Omit<ReplayScope, 'sink'>,
  wanted: ReplayRange,
): Promise<readonly Range[]> {
  const refuse = (detail: string): never => {
    throw new HoldfastError('REPLAY_REFUSED', { detail: `group ${settings.group}: ${detail}` })
  }
  if (!usesDatabase(settings))
    refuse(
      'it has no effects, so there is nothing to take back and nothing that would run once; holdfast group reset lets it read a range again',
    )
  if (!settings.reset) refuse(noReset(settings.group))
  const ranges = await replayRanges(log, partitionsOf(settings), committed, wanted)
  return ranges.length > 0
    ? ranges
    : refuse('the log has no events of this range that the group is done with')
}

function partitionsOf({ group, topics }: GroupSettings): Parameters<typeof replayRanges>[1] {
  const partitions = topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
  )
  return { name: group, partitions }
}

/** Reads the whole range, and runs nothing. */
export async function planReplay(
  mode: ReplayMode,
  scope: ReplayScope,
  ranges: readonly Range[],
  signal: AbortSignal,
): Promise<ReplayPlan> {
  const parts: ReplayPlan['parts'][number][] = []
  const types = new Map<string, Tally>()
  const parked = await parkedIn(scope, ranges, signal)
  for (const range of ranges) {
    const tally = new Tally()
    for await (const one of sortedIn(mode, range, scope, parked.get(partitionId(range)), signal)) {
      const type = one.record.headers['ce_type'] ?? '?'
      const ofType = types.get(type) ?? new Tally()
      types.set(type, ofType)
      tally.count(one)
      ofType.count(one)
    }
    parts.push({ ...range, counts: tally.counts })
  }
  const all = new Tally()
  for (const { counts } of parts) all.add(counts)
  return {
    group: scope.settings.group,
    mode,
    counts: all.counts,
    parts,
    types: Object.fromEntries([...types].map(([type, { counts }]) => [type, counts])),
  }
}

async function* sortedIn(
  mode: ReplayMode,
  range: Range,
  { log, sink, settings }: ReplayScope,
  parked: Parked = new Map(),
  signal: AbortSignal,
): AsyncGenerator<Pick<Sorted, 'kind' | 'record'>> {
  const topic = settings.topics.find(topic => topic.name === range.topic)
  if (!topic) return
  const { group } = settings
  const generationOf = generationIn(await sink.reprocessed({ ...range, group }))
  const lettered = letteredIn(log, group, range, generationOf)
  // One of before the range was reprocessed says nothing any more.
  const isOpen = (origin: Offset): boolean => parked.get(origin) === generationOf(origin)
  const context = { topic, settings, sink, lettered, generationOf, isOpen }
  for (let position = range.from; position < range.to;) {
    signal.throwIfAborted()
    const page = await log.read({ ...range, offset: position }, PAGE, signal)
    const records = page.records.filter(record => record.offset < range.to)
    yield* await (mode === 'fill' ? sortPage : sortAgain)(records, context, signal)
    if (page.next <= position) return
    position = page.next
  }
}

/** Events that wait for a retry, with their generations. */
type Parked = ReadonlyMap<Offset, number>

/** By partition. As it was when the plan began: who is tried again meanwhile is as good as counted. */
async function parkedIn(
  { log, settings, committed }: ReplayScope,
  ranges: readonly Range[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Parked>> {
  const ids = new Set(ranges.map(partitionId))
  const ofRanges = committed.filter(one => ids.has(partitionId(one)))
  const parked = new Map<string, Parked>()
  for await (const { origin, entries } of openLanes({ log, committed: ofRanges, signal }, settings.group))
    parked.set(partitionId(origin), new Map(entries.map(entry => [entry.origin, entry.generation])))
  return parked
}

class Tally {
  readonly counts: Record<keyof PlanCounts, number> = {
    events: 0,
    missing: 0,
    passed: 0,
    left: 0,
    known: 0,
    unknown: 0,
    unreadable: 0,
  }

  count({ kind }: Pick<Sorted, 'kind'>): void {
    this.counts.events += 1
    this.counts[kind === 'wait' ? 'unreadable' : kind] += 1
  }

  add(counts: PlanCounts): void {
    for (const name of Object.keys(counts) as (keyof PlanCounts)[]) this.counts[name] += counts[name]
  }
}

/** Undefined for what cannot be read: it was never applied. */
function inboxKeyOf(record: LogRecord): Pick<Envelope, 'source' | 'id' | 'acceptedAt'> | undefined {
  try {
    return decodeEvent(record)
  } catch {
    return undefined
  }
}
