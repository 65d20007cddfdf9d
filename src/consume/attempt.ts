import { createHash } from 'node:crypto'
import { HoldfastError, isHoldfastError, type Logger, type Offset } from '../event/index.ts'
import { Publishing, type Cause } from '../outbox/index.ts'
import type { Lease } from '../sink/index.ts'
import { Cutoff } from './cutoff.ts'
import type { GroupContext, Task } from './group-context.ts'
import type { HandlerContext, OnHandler, Received } from './handlers.ts'
import { applyOptions, decoded, sinkRecord } from './sink-record.ts'

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
  /** See the sink's options of that name. */
  readonly appliedBelow: Offset | undefined
  readonly signal: AbortSignal
}

/**
 * Tries events once, with the deadline of the group: a single one, or a batch in one transaction. Answers without a
 * promise where the handler returned none. Never rejects.
 */
export function attempt(
  tasks: readonly Task[],
  context: GroupContext,
  options: AttemptOptions,
): readonly Attempted[] | Promise<readonly Attempted[]> {
  const { clock, settings, observer } = context
  const [first] = tasks
  const cut = new Cutoff(context, options.signal)
  const began = clock.monotonic()
  const over = <T>(result: T): T => {
    cut.end()
    const seconds = (clock.monotonic() - began) / 1000
    const topic = first?.record.topic ?? ''
    observer.handled?.({ topic, group: settings.group, seconds, count: tasks.length })
    return result
  }
  if (first?.handler?.kind !== 'on') return applyInside(tasks, context, options, cut).then(over)
  const attempted = callOutside(first, first.handler.run, context, cut, options)
  return attempted instanceof Promise ? attempted.then(one => over([one])) : over(attempted)
}

const DONE = { kind: 'done' } as const
/** Most attempts end so. */
const ONE_DONE: readonly Attempted[] = [DONE]

/** At least once: the handler's own calls, and nothing that we could roll back. */
function callOutside(
  task: Task,
  run: OnHandler,
  context: GroupContext,
  cut: Cutoff,
  { lease, signal: worker }: AttemptOptions,
): readonly Attempted[] | Promise<Attempted> {
  const event = eventOf(task)
  let work: Promise<void> | undefined
  try {
    work = run(event, new EventContext(event, context, cut, lease?.generation)) as Promise<void> | undefined
  } catch (error) {
    return [worker.aborted ? { kind: 'aborted' } : { kind: 'failed', error }]
  }
  if (work) return untilCut(work, cut, worker)
  return worker.aborted ? [{ kind: 'aborted' }] : ONE_DONE
}

async function untilCut(work: Promise<void>, cut: Cutoff, worker: AbortSignal): Promise<Attempted> {
  try {
    await Promise.race([work, cut.passed])
    // A handler that gave up because of the signal has not done its work, however it ended.
    if (!cut.isPassed) return DONE
  } catch (error) {
    if (!cut.isPassed) return { kind: 'failed', error }
  }
  if (worker.aborted) {
    Promise.resolve(work).catch(() => {}) // nobody waits for it any more
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
  cut: Cutoff,
): Promise<readonly Attempted[]> {
  const { settings, sink } = context
  try {
    if (!sink || !options.lease)
      throw new HoldfastError('INTERNAL', { detail: `${settings.group}: effect without a lease` })
    const { signal } = cut
    const { generation } = options.lease
    let publishing: Publishing | undefined
    const events = tasks.map(eventOf)
    const records = tasks.map(task => sinkRecord(task, settings.order))
    const outcomes = await sink.apply(
      options.lease,
      records,
      applyOptions(tasks, settings, options.appliedBelow, signal),
      async (tx, fresh, fail) => {
        if (settings.batch) {
          publishing = new Publishing(tx, context.outbox)
          await settings.batch.run(
            fresh.flatMap(i => events[i] ?? []),
            publishing,
            { signal, generation, log: context.logger, fail: (i, error) => fail(fresh[i] ?? i, error) },
          )
          return
        }
        const [event] = events
        const handler = tasks[0]?.handler
        if (event && handler?.kind === 'effect') {
          publishing = new Publishing(tx, context.outbox, new EventCause(event, context))
          await handler.run(event, publishing, new EventContext(event, context, cut, generation))
        }
      },
    )
    if (publishing?.isPublished) context.outbox.wake()
    return outcomes.map(outcome => (outcome.kind === 'applied' ? DONE : outcome))
  } catch (error) {
    const one = failedInside(error, cut, options.signal)
    return tasks.map(() => one)
  }
}

function failedInside(error: unknown, { late }: Cutoff, worker: AbortSignal): Attempted {
  if (worker.aborted) return { kind: 'aborted' }
  return isHoldfastError(late ?? error, 'SINK_FENCED')
    ? { kind: 'fenced' }
    : { kind: 'failed', error: late ?? error }
}

function eventOf(task: Task): Received {
  const event = decoded(task)
  return task.attempts === 0 ? event : { ...event, attempt: task.attempts + 1 }
}

/** Getters only: most handlers use nothing of it, and whoever takes it apart still gets working functions. */
class EventContext implements HandlerContext {
  readonly #event: Received
  readonly #context: GroupContext
  readonly #cut: Cutoff
  readonly generation: number
  #published = 0

  constructor(event: Received, context: GroupContext, cut: Cutoff, generation = 0) {
    this.#event = event
    this.#context = context
    this.#cut = cut
    this.generation = generation
  }

  get signal(): AbortSignal {
    return this.#cut.signal
  }

  get log(): Logger {
    return this.#context.logger
  }

  get idempotencyKey(): string {
    const { source, id } = this.#event
    return hash(this.#context.settings.group, String(this.generation), source, id)
  }

  get publish(): HandlerContext['publish'] {
    const { settings, publisher, source } = this.#context
    const event = this.#event
    return (topic, type, data, options = {}) =>
      publisher.publish(
        topic,
        type,
        data,
        {
          // The same attempt-independent id each time: the n-th publish of this event by this group.
          id:
            options.id ??
            hash(settings.group, event.source, event.id, topic.name, String(this.#published++)).slice(0, 32),
          time: options.time ?? event.time,
          tenant: event.tenant,
          correlationId: event.correlationId,
        },
        // The accept time of the cause: a second attempt tomorrow still meets the inbox rows of the first.
        { source, acceptedAt: event.acceptedAt.getTime(), causationId: event.id, dedup: false },
      )
  }
}

/** What a handler publishes in its transaction follows from its event. */
class EventCause implements Cause {
  readonly #event: Received
  readonly #group: string
  #published = 0

  constructor(event: Received, { settings }: GroupContext) {
    this.#event = event
    this.#group = settings.group
  }

  get id(): string {
    return this.#event.id
  }

  get tenant(): string | undefined {
    return this.#event.tenant
  }

  get correlationId(): string | undefined {
    return this.#event.correlationId
  }

  get time(): Date {
    return this.#event.time
  }

  get acceptedAt(): number {
    return this.#event.acceptedAt.getTime()
  }

  nextId(topic: string): string {
    const { source, id } = this.#event
    // Not the ids of `context.publish`, which counts for itself.
    return hash(this.#group, source, id, topic, 'tx', String(this.#published++)).slice(0, 32)
  }
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex')
}
