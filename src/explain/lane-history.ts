import { isHoldfastError, offset, partitionId, type LogRecord, type Offset } from '../event/index.ts'
import { pages, type Committed, type Log } from '../log/index.ts'
import type { Failure } from '../recover/index.ts'
import {
  decodeLaneRecord,
  decodeNote,
  Fold,
  laneTopicOf,
  noteWithout,
  tenureOf,
  type FoldedEntry,
  type LaneNote,
  type LaneRecord,
} from '../recover/lane/index.ts'

/** What the retry lane of a partition says about one event of it. */
export interface LaneHistory {
  /** It stands in the lane now. */
  readonly open: OpenEntry | undefined
  /** What the records that are still there tell of its runs, the first first. */
  readonly attempts: readonly LaneAttempt[]
  readonly closed:
    { readonly how: Extract<LaneRecord, { kind: 'closed' }>['how']; readonly at: number } | undefined
  /** Why nothing is known: the lane cannot be read, or it is longer than is looked through here. */
  readonly unknown: string | undefined
}

export interface OpenEntry extends Pick<FoldedEntry, 'round' | 'state'> {
  /** The oldest open event of its key before it: it runs first. */
  readonly behind: Offset | undefined
}

export interface LaneAttempt {
  /** Which attempt of its round; each replay of a letter begins a round. */
  readonly number: number
  readonly round: number
  /** When it ended, milliseconds since 1970; undefined while it runs, and when its process died. */
  readonly at: number | undefined
  /** Undefined for the first attempt of an event, of which only the end is recorded. */
  readonly tookMs: number | undefined
  readonly outcome: 'failed' | 'succeeded' | 'process died' | 'runs'
  readonly failure: Failure | undefined
}

type Mark = Exclude<LaneRecord, { kind: 'request' | 'answer' | 'fence' }> & {
  readonly position: Offset
  readonly at: number
}

/** Lane records that are looked through. An owner keeps at most 100,000 entries open. */
const MAX_RECORDS = 500_000
const PAGE = { maxRecords: 2_000, maxBytes: 8 * 1024 * 1024 }

/**
 * Reads the lane from where its owner is done, or from the time of the event where that is earlier: records below are kept
 * for as long as nobody has cut them off. Undefined when the group has no lane for the partition.
 */
export async function laneHistory(
  log: Log,
  {
    record,
    group,
    committed,
  }: { readonly record: LogRecord; readonly group: string; readonly committed: Committed },
  signal: AbortSignal,
): Promise<LaneHistory | undefined> {
  const lane = { topic: laneTopicOf(record.topic, group), partition: record.partition }
  const settings = await log.topics.describe(lane.topic)
  if (settings === undefined || lane.partition >= settings.partitions) return undefined
  try {
    const since = await log.offsetAt(lane, record.timestamp)
    const { start, end } = await log.bounds(lane)
    const note =
      committed.note === undefined
        ? noteWithout(start, committed.offset)
        : decodeNote(committed.note, `${group} on ${partitionId(record)}`)
    const from = offset(max(start, since < note.lane ? since : note.lane))
    if (end - from > MAX_RECORDS)
      return nothing(`the lane holds ${end - from} records, more than are read here`)
    const reading = new Reading(note, record.offset)
    for await (const { records } of pages(log, { ...lane, offset: from }, { ...PAGE, end }, signal))
      for (const one of records) reading.add(one)
    return reading.history(committed.offset)
  } catch (error) {
    if (isHoldfastError(error, 'LOG_CORRUPT', 'LOG_VERSION')) return nothing(error.message)
    throw error
  }
}

function nothing(unknown: string): LaneHistory {
  return { open: undefined, attempts: [], closed: undefined, unknown }
}

class Reading {
  readonly #note: LaneNote
  readonly #origin: Offset
  readonly #fold: Fold
  readonly #marks: Mark[] = []

  constructor(note: LaneNote, origin: Offset) {
    this.#note = note
    this.#origin = origin
    this.#fold = new Fold(note.tenures)
  }

  add(stored: LogRecord): void {
    const position = stored.offset
    const record = { ...decodeLaneRecord(stored), position }
    if (position >= this.#note.lane) this.#fold.add(record)
    if (record.kind === 'request' || record.kind === 'answer' || record.kind === 'fence') return
    if (record.origin !== this.#origin) return
    // The tenures of the oldest stretches are not kept: what stands there was judged by its owner, and is believed.
    const { tenures } = this.#note
    const isBefore = position < (tenures[0]?.fence ?? position + 1n)
    if (isBefore || tenureOf(tenures, record)) this.#marks.push({ ...record, at: stored.timestamp })
  }

  history(main: Offset): LaneHistory {
    const { entries } = this.#fold.end(main)
    const mine = entries.find(({ origin }) => origin === this.#origin)
    const before = entries.filter(
      ({ origin, key }) =>
        origin < this.#origin && mine !== undefined && key !== undefined && key === mine.key,
    )
    const [first] = before.toSorted((a, b) => (a.origin < b.origin ? -1 : 1))
    const closed = this.#marks.findLast(mark => mark.kind === 'closed')
    return {
      open: mine && { round: mine.round, state: mine.state, behind: first?.origin },
      attempts: attemptsIn(this.#marks),
      closed: mine === undefined && closed ? { how: closed.how, at: closed.at } : undefined,
      unknown: undefined,
    }
  }
}

/** Pairs each start with the end that follows it. A start that another one follows was the death of a process. */
function attemptsIn(marks: readonly Mark[]): readonly LaneAttempt[] {
  const attempts: LaneAttempt[] = []
  let started: { readonly at: number; readonly round: number } | undefined
  let failed = 0
  const add = (round: number, rest: Pick<LaneAttempt, 'at' | 'outcome' | 'failure'>): void => {
    const tookMs = started === undefined || rest.at === undefined ? undefined : rest.at - started.at
    attempts.push({ number: attempts.filter(one => one.round === round).length + 1, round, tookMs, ...rest })
    started = undefined
  }
  for (const mark of marks) {
    const { round, at } = mark
    switch (mark.kind) {
      case 'park':
        // A copy takes along what is known already. The first park of an event tells of the attempt before it.
        if (attempts.length === 0 && mark.state.attempts > 0 && mark.state.last)
          add(round, { at: mark.state.last.at, outcome: 'failed', failure: mark.state.last })
        failed = mark.state.attempts
        break
      case 'start':
        if (started) add(started.round, { at: undefined, outcome: 'process died', failure: undefined })
        started = { at, round }
        break
      case 'attempt':
        if (mark.attempts > failed || mark.final !== undefined) {
          if (started || mark.failure) add(round, { at, outcome: 'failed', failure: mark.failure })
        }
        started = undefined // else nothing was held against it: an outage, the drain
        failed = mark.attempts
        break
      case 'closed':
        if (started)
          add(round, { at, outcome: mark.how === 'resolved' ? 'succeeded' : 'failed', failure: undefined })
        break
    }
  }
  if (started) add(started.round, { at: undefined, outcome: 'runs', failure: undefined })
  return attempts
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
