import type { LogRecord, Offset } from '../../event/index.ts'
import type { Lettered } from '../../recover/index.ts'
import type { AnyTopic } from '../../schema/index.ts'
import type { Known, Sink, SinkRecord } from '../../sink/index.ts'
import type { Received } from '../handlers.ts'
import { readEvent } from '../read-event.ts'
import type { GroupSettings, Handler } from '../settings.ts'

/** What a fill has to do with an event that its group was done with before. */
export type Sorted =
  /** Nothing; see `JobCounts` for the words. */
  | { readonly kind: 'passed' | 'left' | 'known' | 'unknown'; readonly record: LogRecord }
  /** Its effect is missing. */
  | {
      readonly kind: 'missing'
      readonly record: LogRecord
      readonly event: Received
      readonly handler: Handler
    }
  /** It cannot be read, and has no letter yet. */
  | {
      readonly kind: 'unreadable'
      readonly record: LogRecord
      readonly reason: 'decode' | 'schema' | 'unhandled'
      readonly error: unknown
    }
  /** Only another deployment knows what it means. */
  | { readonly kind: 'wait'; readonly record: LogRecord; readonly reason: string }

export interface SortContext {
  readonly topic: AnyTopic
  readonly settings: GroupSettings
  readonly sink: Sink
  readonly lettered: Lettered
  generationOf(origin: Offset): number
  /** Whether an event waits for a retry. */
  isOpen(origin: Offset): boolean
}

/**
 * Tells apart what is missing in a page. The inbox is asked once for all of them: as a rule nearly everything was
 * applied, and a transaction for each event to find that out would cost the database as much as the events themselves.
 */
export async function sortPage(
  records: readonly LogRecord[],
  context: SortContext,
  signal: AbortSignal,
): Promise<readonly Sorted[]> {
  // In this order: an event leaves its retry lane only when its letter is durable, so it is seen in one of the two.
  const open = new Set(records.filter(({ offset }) => context.isOpen(offset)))
  await context.lettered.readOn(signal)
  const sorted = records.map(record => sortOne(record, open.has(record), context))
  const asked = sorted.filter(one => one.kind === 'missing')
  if (asked.length === 0) return sorted
  const answers = new Map<LogRecord, Known | undefined>()
  // As a rule there is one.
  const generations = Map.groupBy(asked, ({ record }) => context.generationOf(record.offset))
  for (const [generation, ofIt] of generations) {
    const scope = { group: context.settings.group, generation }
    const keys = ofIt.map(({ event }) => inboxKey(event))
    const known = await context.sink.lookUp(scope, keys, signal)
    for (const [i, { record }] of ofIt.entries()) answers.set(record, known[i])
  }
  return sorted.map((one): Sorted => {
    const { record } = one
    switch (answers.get(record)) {
      case 'applied':
        return { kind: 'known', record }
      case 'unknown':
        return { kind: 'unknown', record }
      case 'missing':
      case undefined:
        return one
    }
  })
}

/** The same for a reprocess: everything that has a handler runs, and what has a letter or waits is told apart as `left`. */
export async function sortAgain(
  records: readonly LogRecord[],
  { topic, settings, lettered, isOpen }: Pick<SortContext, 'topic' | 'settings' | 'lettered' | 'isOpen'>,
  signal: AbortSignal,
): Promise<readonly Pick<Sorted, 'kind' | 'record'>[]> {
  await lettered.readOn(signal)
  const isLeft = (origin: Offset): boolean => isOpen(origin) || lettered.has(origin)
  return records.map(record => {
    switch (readEvent(record, topic, settings).kind) {
      case 'skip':
        return { kind: 'passed', record }
      case 'pause':
      case 'dead':
        return { kind: 'unreadable', record }
      case 'handle':
        return { kind: isLeft(record.offset) ? 'left' : 'missing', record }
    }
  })
}

function sortOne(record: LogRecord, isOpen: boolean, { topic, settings, lettered }: SortContext): Sorted {
  const reading = readEvent(record, topic, settings)
  // An outside call is no effect: nobody kept whether it was made, and making it twice is what a fill must not do.
  if (reading.kind === 'skip' || (reading.kind === 'handle' && reading.handler.kind === 'on'))
    return { kind: 'passed', record }
  if (isOpen || lettered.has(record.offset)) return { kind: 'left', record }
  switch (reading.kind) {
    case 'pause':
      return { kind: 'wait', record, reason: reading.reason }
    case 'dead':
      return { kind: 'unreadable', record, reason: reading.reason, error: reading.error }
    case 'handle':
      return { kind: 'missing', record, event: reading.event, handler: reading.handler }
  }
}

function inboxKey({ source, id, acceptedAt }: Received): Pick<SinkRecord, 'source' | 'id' | 'acceptedAt'> {
  return { source, id, acceptedAt: acceptedAt.getTime() }
}
