import { HoldfastError, sleep, type LogRecord } from '../../event/index.ts'
import {
  describeFailure,
  failureText,
  writeDeath,
  type Failure,
  type FloodGuard,
} from '../../recover/index.ts'
import type { Generations } from '../generations.ts'
import type { DeathReason, GroupContext, Task } from '../group-context.ts'
import type { Received } from '../handlers.ts'
import type { Limiter, RateLimit } from '../limits.ts'
import type { Handler } from '../settings.ts'
import { supervised, type Settled } from '../supervised.ts'
import type { Delivery } from '../watermark.ts'

/** An event whose effect is missing, until it has its outcome. */
export interface FillTask {
  readonly record: LogRecord
  readonly delivery: Delivery
  readonly event: Received | undefined
  readonly handler: Handler | undefined
  /** Failed attempts so far. */
  attempts: number
  first: Failure | undefined
  last: Failure | undefined
  /** Monotonic time before which it is not tried again. */
  dueAt: number
  /** Decided: it dies, for this reason. */
  fate: { readonly reason: DeathReason; readonly error: unknown } | undefined
}

/** What a fill runs events with. */
export interface FillOptions {
  readonly context: GroupContext
  readonly generations: Generations
  /** Places that all fills of the group have together: fewer than live events have, whose places they take as well. */
  readonly places: Limiter
  readonly rate: RateLimit
  /** Of this job alone: what dies in a fill must not pause the group. */
  readonly guard: FloodGuard
  /** Nothing new begins. */
  readonly intake: AbortSignal
  /** What runs is cut off. */
  readonly work: AbortSignal
  settled(task: FillTask, how: 'applied' | 'known' | 'unknown' | 'skipped' | 'died'): void
  fenced(): void
  /** Too many died: the events of this call are the last until somebody decides. */
  stand(reason: string): void
}

/**
 * Between attempts at most, and between tries to write a letter. The waits of the group's policy are for a service that
 * comes back in a while; a fill that waited so for each poisoned event would never end. Each has its letter then.
 */
const RETRY_MS = 1_000

/**
 * Runs events whose effect is missing. Those of one key run one after another, and nothing is promised about their order
 * among live ones. Each gets its outcome, or nothing is claimed about it.
 */
export async function fill(tasks: readonly FillTask[], options: FillOptions): Promise<void> {
  const { batch } = options.context.settings
  if (batch) {
    // One transaction is for ids of one generation.
    const generations = Map.groupBy(tasks, ({ record }) => options.generations.of(record.offset))
    for (const ofIt of generations.values())
      for (let i = 0; i < ofIt.length && !options.intake.aborted; i += batch.max)
        await fillBatch(ofIt.slice(i, i + batch.max), options)
    return
  }
  const lanes = Map.groupBy(tasks, task => laneOf(task, options.context))
  await Promise.all([...lanes.values()].map(lane => fillLane(lane, options)))
}

function laneOf({ record: { key, offset } }: FillTask, { settings }: GroupContext): string | bigint {
  if (settings.order === 'partition') return ''
  return settings.order === 'key' && key !== undefined ? key : offset
}

async function fillLane(tasks: readonly FillTask[], options: FillOptions): Promise<void> {
  for (const task of tasks) if (!(await fillOne(task, options))) return
}

/** One transaction; what it leaves undone goes on alone. */
async function fillBatch(tasks: readonly FillTask[], options: FillOptions): Promise<void> {
  const runnable = tasks.filter(task => !task.fate)
  let settled = await attempt(runnable, options)
  // The batch waits at the breaker, as it is.
  while (settled?.every(one => one.kind === 'failed' && one.decision.kind === 'pause') && settled.length > 0)
    settled = await attempt(runnable, options)
  if (!settled) return
  const alone = tasks.filter(task => {
    const one = settled?.[runnable.indexOf(task)]
    return !one || !conclude(task, one, options)
  })
  await fillLane(alone, options)
}

/** Tries until it has its outcome. False when it was cut off before. */
async function fillOne(task: FillTask, options: FillOptions): Promise<boolean> {
  const { clock } = options.context
  while (!options.intake.aborted) {
    if (task.fate) return bury(task, options)
    const wait = task.dueAt - clock.monotonic()
    if (wait > 0) await sleep(clock, wait, options.intake)
    const settled = (await attempt([task], options))?.[0]
    if (!settled) return false
    if (conclude(task, settled, options)) return true
  }
  return false
}

/** Undefined when it did not begin, or was cut off. */
async function attempt(
  tasks: readonly FillTask[],
  options: FillOptions,
): Promise<readonly Settled[] | undefined> {
  const { context, generations, places, rate, intake, work } = options
  const [first] = tasks
  if (!first) return []
  const lease = generations.lease(first.record.offset)
  await rate.take(tasks.length, intake)
  const leave = await places.enter(intake)
  if (!leave) return undefined
  try {
    const place = await context.admission.enter(tasks.length, intake)
    if (!place) return undefined
    // Settled may have meant skipped, so offsets say nothing of what was applied.
    const how = { lease, appliedBelow: undefined, signal: work }
    const outcome = await supervised(tasks.map(taskOf), place, context, how)
    if (outcome === 'fenced') options.fenced()
    return typeof outcome === 'string' ? undefined : outcome
  } finally {
    leave()
  }
}

function taskOf({ record, event, handler, attempts, last }: FillTask): Task {
  return {
    record,
    event,
    handler,
    attempts,
    lastError: last?.message,
    round: undefined,
    alone: true,
    fate: undefined,
  }
}

/** True when it has its outcome; false when it is to be tried again, or dies. */
function conclude(task: FillTask, settled: Settled, options: FillOptions): boolean {
  const { guard } = options
  const { clock, settings } = options.context
  switch (settled.kind) {
    case 'done':
      guard.survived(clock.monotonic(), task.event?.tenant)
      options.settled(task, 'applied')
      return true
    case 'duplicate':
      options.settled(task, 'known')
      return true
    case 'expired':
      options.settled(task, 'unknown')
      return true
    case 'held':
      return false
    case 'failed':
      break
  }
  const { error, decision } = settled
  if (decision.kind === 'skip') options.settled(task, 'skipped')
  if (decision.kind === 'dead') task.fate = { reason: decision.reason, error }
  if (decision.kind === 'dead' || decision.kind === 'retry') {
    task.attempts += 1
    task.last = describeFailure(error, clock.now())
    task.first ??= task.last
    task.dueAt = clock.monotonic() + Math.min(RETRY_MS, settings.retryDelaysMs[task.attempts - 1] ?? 0)
  }
  return decision.kind === 'skip'
}

/** Its letter is durable before it counts as dead. False when it was cut off before. */
async function bury(task: FillTask, options: FillOptions): Promise<boolean> {
  const { context, guard, intake } = options
  const { clock, log, logger, settings, observer } = context
  const { fate, record } = task
  if (!fate) throw new HoldfastError('INTERNAL', { detail: `offset ${record.offset} dies without a reason` })
  const last = task.last ?? describeFailure(fate.error, clock.now())
  if (!guard.mayDie(clock.monotonic(), `${fate.reason}: ${last.message}`, task.event?.tenant)) {
    const top = guard.dominating
    options.stand(`too many die: ${top?.count ?? 0} of "${top?.cause ?? 'unknown'}" within 5 minutes`)
    return false
  }
  const death = {
    group: settings.group,
    reason: fate.reason,
    attempts: task.attempts,
    first: task.first ?? last,
    last,
    diedAt: clock.now(),
    generation: options.generations.of(record.offset),
  }
  while (!intake.aborted) {
    try {
      await writeDeath(log, record, death)
      observer.deadLettered?.({ topic: record.topic, group: settings.group, reason: fate.reason })
      options.settled(task, 'died')
      return true
    } catch (error) {
      const facts = { group: settings.group, offset: String(record.offset), error: failureText(error) }
      logger.warn(facts, 'the dead letter of a replayed event could not be written: the replay waits')
      await sleep(clock, RETRY_MS, intake)
    }
  }
  return false
}
