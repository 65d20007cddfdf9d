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

/** Topic by topic, each in the order of its rows. Resolves when all of them are durable. */
export async function moveRows(
  rows: readonly PlacedRow[],
  { clock, logger, observer, system }: RowMover,
): Promise<void> {
  const deduplicates = system.features.deduplicates === true
  await Promise.all(
    [...Map.groupBy(rows, row => row.topic)].map(async ([topic, ofTopic]) => {
      const began = clock.monotonic()
      const outcomes = await system.log
        .append(
          topic,
          ofTopic.map(row => relayedRecord(row, deduplicates)),
        )
        .catch((error: unknown) => {
          throw explained(error, ofTopic)
        })
      const seconds = (clock.monotonic() - began) / 1_000
      const count = outcomes.filter(({ kind }) => kind === 'appended').length
      if (count > 0) observer?.relayed?.({ topic, count, seconds })
      for (const [index, outcome] of outcomes.entries()) sayConflict(ofTopic[index], outcome, logger)
    }),
  )
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
