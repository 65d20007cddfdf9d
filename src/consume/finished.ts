import type { GroupContext, Task } from './group-context.ts'

/** What is told of an event at its end. */
export type Finished = Pick<Task, 'record' | 'attempts' | 'lastError'>

/** Tells whoever measures that an event has its durable outcome. */
export function finished(
  { observer, clock, settings }: GroupContext,
  { record, attempts, lastError }: Finished,
  result: 'ok' | 'duplicate' | 'skipped' | 'dead_lettered',
): void {
  const { topic, partition, offset, timestamp } = record
  const { group } = settings
  observer.attempted?.({ topic, group, result, count: 1 })
  observer.completed?.({
    topic,
    group,
    partition,
    offset,
    result,
    failures: attempts,
    error: lastError,
    seconds: Math.max(0, clock.now() - timestamp) / 1000,
  })
}
