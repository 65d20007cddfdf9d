import { createHash } from 'node:crypto'
import { HoldfastError, isHoldfastError, type Offset } from '../event/index.ts'
import type { Lease, SinkRecord } from '../sink/index.ts'
import { cutoff, type Cutoff } from './cutoff.ts'
import type { GroupContext, Task } from './group-context.ts'
import type { HandlerContext, OnHandler, Received } from './handlers.ts'

/** How one attempt at one event ended. */
export type Attempted =
  | { readonly kind: 'done' }
  /** The inbox knew it. */
  | { readonly kind: 'duplicate' }
  /** An earlier event of its key in the same batch failed. */
  | { readonly kind: 'held' }
  | { readonly kind: 'expired' }
  /** `returned` settles when a handler that overran its deadline has come back after all. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly returned?: Promise<void> }
  /** The partition or the process goes; nothing is known and nothing is claimed. */
  | { readonly kind: 'aborted' }
  /** The database says that another worker owns the partition. */
  | { readonly kind: 'fenced' }

export interface AttemptOptions {
  readonly lease: Lease | undefined
  readonly appliedBelow: Offset
  /** Lane of each event: events of one lane keep their order. */
  readonly laneOf: (task: Task) => string
  readonly signal: AbortSignal
}

/** Tries events once, with the deadline of the group: a single one, or a batch in one transaction. */
export async function attempt(
  tasks: readonly Task[],
  context: GroupContext,
  options: AttemptOptions,
): Promise<readonly Attempted[]> {
  const { clock, settings } = context
  const began = clock.monotonic()
  const cut = cutoff(context, options.signal)
  try {
    const results =
      tasks[0]?.handler?.kind === 'on'
        ? [await callOutside(tasks[0], tasks[0].handler.run)]
        : await applyInside(tasks, context, options)
    return results
  } catch (error) {
    const one: Attempted = isHoldfastError(error, 'SINK_FENCED')
      ? { kind: 'fenced' }
      : { kind: 'failed', error }
    return tasks.map(() => one)
  } finally {
    cut.end()
    const seconds = (clock.monotonic() - began) / 1000
    const topic = tasks[0]?.record.topic ?? ''
    context.observer.handled?.({ topic, group: settings.group, seconds, count: tasks.length })
  }

  /** At least once: the handler's own calls, and nothing that we could roll back. */
  async function callOutside(task: Task, run: OnHandler): Promise<Attempted> {
    const event = eventOf(task)
    let work: Promise<void> | undefined
    try {
      work = run(event, handlerContext(event, context, cut)) as Promise<void> | undefined
      if (work) await Promise.race([work, cut.passed])
      // A handler that gave up because of the signal has not done its work, however it ended.
      if (!cut.isPassed) return { kind: 'done' }
    } catch (error) {
      if (!cut.isPassed) return { kind: 'failed', error }
    }
    if (options.signal.aborted) {
      work?.catch(() => {}) // nobody waits for it any more
      return { kind: 'aborted' }
    }
    const returned = Promise.resolve(work).then(
      () => {},
      () => {},
    )
    return { kind: 'failed', error: cut.late, returned }
  }

  /** Once: the handler's writes, the inbox and the fence in one transaction, which the abort of the signal ends. */
  async function applyInside(
    tasks: readonly Task[],
    context: GroupContext,
    options: AttemptOptions,
  ): Promise<readonly Attempted[]> {
    const { sink } = context
    const { signal } = cut
    if (!sink || !options.lease)
      throw new HoldfastError('INTERNAL', { detail: `${settings.group}: effect without a lease` })
    const events = tasks.map(eventOf)
    const records = tasks.map(task => sinkRecord(task, options.laneOf(task)))
    try {
      const outcomes = await sink.apply(
        options.lease,
        records,
        { appliedBelow: options.appliedBelow, dedup: settings.dedup, signal },
        async (tx, fresh, fail) => {
          if (settings.batch) {
            await settings.batch.run(
              fresh.flatMap(i => events[i] ?? []),
              tx,
              { signal, log: context.logger, fail: (i, error) => fail(fresh[i] ?? i, error) },
            )
            return
          }
          const [event] = events
          const handler = tasks[0]?.handler
          if (event && handler?.kind === 'effect')
            await handler.run(event, tx, handlerContext(event, context, cut))
        },
      )
      return outcomes.map(outcome => (outcome.kind === 'applied' ? { kind: 'done' } : outcome))
    } catch (error) {
      if (options.signal.aborted) return tasks.map(() => ({ kind: 'aborted' }))
      throw cut.late ?? error
    }
  }
}

function eventOf(task: Task): Received {
  if (!task.event)
    throw new HoldfastError('INTERNAL', { detail: `record ${task.record.offset} was not decoded` })
  return { ...task.event, attempt: task.attempts + 1 }
}

function sinkRecord(task: Task, lane: string): SinkRecord {
  const { source, id, acceptedAt } = eventOf(task)
  return { source, id, acceptedAt: acceptedAt.getTime(), offset: task.record.offset, key: lane }
}

function handlerContext(event: Received, context: GroupContext, cut: Cutoff): HandlerContext {
  const { settings, publisher, logger, source } = context
  let published = 0
  return {
    get signal() {
      return cut.signal
    },
    log: logger,
    get idempotencyKey() {
      return hash(settings.group, '0', event.source, event.id)
    },
    publish: (topic, type, data, options = {}) =>
      publisher.publish(
        topic,
        type,
        data,
        {
          // The same attempt-independent id each time: the n-th publish of this event by this group.
          id:
            options.id ??
            hash(settings.group, event.source, event.id, topic.name, String(published++)).slice(0, 32),
          time: options.time ?? event.time,
          tenant: event.tenant,
          correlationId: event.correlationId,
        },
        // The accept time of the cause: a second attempt tomorrow still meets the inbox rows of the first.
        { source, acceptedAt: event.acceptedAt.getTime(), causationId: event.id, dedup: false },
      ),
  }
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex')
}
