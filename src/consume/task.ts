import type { LogRecord } from '../event/index.ts'
import type { RunEvent } from '../recover/lane/index.ts'
import type { Task } from './group-context.ts'
import type { Reading } from './read-event.ts'

type Readable = Exclude<Reading, { kind: 'skip' | 'pause' }>

/** An event of the topic, before its first attempt. */
export function newTask(record: LogRecord, reading: Readable): Task {
  const isDead = reading.kind === 'dead'
  return {
    record,
    event: isDead ? undefined : reading.event,
    handler: isDead ? undefined : reading.handler,
    attempts: 0,
    lastError: undefined,
    round: undefined,
    alone: false,
    fate: isDead ? reading : undefined,
  }
}

/** An event of the retry lane, with what it has behind it. Without a handler when none wants it any more. */
export function parkedTask(
  record: LogRecord,
  reading: Readable | { readonly kind: 'skip' },
  { attempts, last, round }: RunEvent,
): Task {
  return {
    record,
    event: reading.kind === 'handle' ? reading.event : undefined,
    handler: reading.kind === 'handle' ? reading.handler : undefined,
    attempts,
    lastError: last?.message,
    round,
    alone: false,
    fate: reading.kind === 'dead' ? reading : undefined,
  }
}
