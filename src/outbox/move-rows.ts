import { HoldfastError, isHoldfastError, type Clock, type Logger } from '../event/index.ts'
import type { AppendOutcome, LogSystem } from '../log/index.ts'
import type { PlacedRow } from '../sink/index.ts'
import { relayedRecord } from './relayed-record.ts'

/** What moving rows of the outbox to the log needs. */
export interface RowMover {
  readonly system: Pick<LogSystem, 'log' | 'features'>
  readonly clock: Clock
  readonly logger: Logger
  readonly observer?: RelayObserver | undefined
}

/** What a relay tells whoever measures it. Must not throw. */
interface RelayObserver {
  /** Rows that are durable in the log now, `seconds` after their append began; duplicates are not among them. */
  relayed?(of: { readonly topic: string; readonly count: number; readonly seconds: number }): void
}

/** Appends rows of one page; see {@link rowMover}. */
export type MoveRows = (rows: readonly PlacedRow[]) => Promise<void>

/**
 * Topic by topic, each in the order of its rows. Resolves when all of them are durable. Rows that come again, because one
 * topic of their page cannot take its own or the place could not be moved, are not appended again: on a log that knows no
 * ids, a topic that is missing for a day would fill all the others with copies.
 */
export function rowMover(of: RowMover): MoveRows {
  /** Of the last page. */
  let moved = new Set<string>()
  return async rows => {
    moved = new Set(rows.map(placeText).filter(place => moved.has(place)))
    const left = rows.filter(row => !moved.has(placeText(row)))
    const tried = await Promise.allSettled(
      [...Map.groupBy(left, row => row.topic)].map(async ([topic, ofTopic]) => {
        await moveTopic(topic, ofTopic, of)
        for (const row of ofTopic) moved.add(placeText(row))
      }),
    )
    for (const one of tried) if (one.status === 'rejected') throw one.reason
  }
}

function placeText({ place: { transaction, sequence } }: PlacedRow): string {
  return `${transaction}/${sequence}`
}

async function moveTopic(
  topic: string,
  rows: readonly PlacedRow[],
  { clock, logger, observer, system }: RowMover,
): Promise<void> {
  const deduplicates = system.features.deduplicates === true
  const began = clock.monotonic()
  const outcomes = await system.log
    .append(
      topic,
      rows.map(row => relayedRecord(row, deduplicates)),
    )
    .catch((error: unknown) => {
      throw explained(error, rows)
    })
  const seconds = (clock.monotonic() - began) / 1_000
  const count = outcomes.filter(({ kind }) => kind === 'appended').length
  if (count > 0) observer?.relayed?.({ topic, count, seconds })
  for (const [index, outcome] of outcomes.entries()) sayConflict(rows[index], outcome, logger)
}

/** The event of this id is in the log with another payload, and the first one counts, as at the collector's door. */
function sayConflict(row: PlacedRow | undefined, outcome: AppendOutcome, logger: Logger): void {
  if (outcome.kind !== 'conflict' || !row) return
  const { topic, partition, offset } = outcome.position
  logger.error(
    { id: row.id, topic, partition, offset },
    `outbox: event ${row.id} of ${topic} was published before with other data, so this one is left out`,
  )
}

/** Which row stands in the way, for whoever has to mend it. */
function explained(error: unknown, rows: readonly PlacedRow[]): unknown {
  if (!isHoldfastError(error) || error.code !== 'LOG_TOPIC_UNKNOWN') return error
  const [first] = rows
  return new HoldfastError('LOG_TOPIC_UNKNOWN', {
    detail: `the outbox holds ${rows.length} rows for ${first?.topic ?? ''}, the first with id ${first?.id ?? ''}`,
    cause: error,
  })
}
