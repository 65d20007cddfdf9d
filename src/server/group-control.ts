import { HoldfastError, isHoldfastError, offset, sleep, type Clock, type LogRecord } from '../event/index.ts'
import { pages, type Log } from '../log/index.ts'

/**
 * What operators decided about groups and what they read, durably and for all processes: the topic `hf.groups`, one record
 * for each decision, the last of a group or topic counts. A process reads it to its end before it joins a group, and follows
 * it then, so a group that was paused stays paused after a restart, in whichever process and by whichever way it was paused.
 */
export type Decision = GroupDecision | TopicDeletion
export type GroupDecision = PauseDecision | ResumeDecision | ForgetDecision

interface Decided {
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
}

interface PauseDecision extends Decided {
  readonly kind: 'paused'
  readonly group: string
  readonly reason: string
}

interface ResumeDecision extends Decided {
  readonly kind: 'resumed'
  readonly group: string
  /** Until then events may die in a flood. Milliseconds since 1970. */
  readonly allowDeadUntil: number | null
}

/** There is no such group any more: one that gets its name later is not paused. Whoever has stepped aside stays there. */
interface ForgetDecision extends Decided {
  readonly kind: 'forgotten'
  readonly group: string
}

/** A topic is about to go. What is known of its offsets from before says nothing about one that gets its name later. */
export interface TopicDeletion extends Decided {
  readonly kind: 'deleted'
  readonly topic: string
}

/** Which groups are paused. */
export type Paused = ReadonlyMap<string, PauseDecision>

const TOPIC = 'hf.groups'
const PARTITION = { topic: TOPIC, partition: 0 }
const VERSION = 1
const PAGE = { maxRecords: 500, maxBytes: 1024 * 1024 }

/** Writes a decision down; whoever follows hears of it. Answers where it stands. */
export async function decide(log: Log, decision: Decision): Promise<bigint> {
  await log.topics.create(TOPIC, { partitions: 1 })
  const value = Buffer.from(JSON.stringify({ version: VERSION, ...decision }))
  const key = decision.kind === 'deleted' ? decision.topic : decision.group
  const [outcome] = await log.append(TOPIC, [{ key, value, headers: {}, partition: 0 }])
  if (!outcome) throw new HoldfastError('INTERNAL', { detail: 'an append of one record answered no outcome' })
  return outcome.position.offset
}

/** The groups that are paused now. */
export async function pausedGroups(log: Log, signal: AbortSignal): Promise<Paused> {
  return (await decisionsSoFar(log, signal)).paused
}

export interface SoFar {
  readonly paused: Paused
  /** Where the last decision to delete a topic stands. */
  readonly deleted: ReadonlyMap<string, bigint>
  /** Where to follow on from. */
  readonly next: bigint
}

/** What was decided until now. */
export async function decisionsSoFar(log: Log, signal: AbortSignal): Promise<SoFar> {
  const paused = new Map<string, PauseDecision>()
  const deleted = new Map<string, bigint>()
  if ((await log.topics.describe(TOPIC)) === undefined) return { paused, deleted, next: 0n }
  const { start, end } = await log.bounds(PARTITION)
  let next: bigint = start
  for await (const page of pages(log, { ...PARTITION, offset: start }, { ...PAGE, end }, signal)) {
    for (const record of page.records) {
      const decision = decode(record)
      if (decision.kind === 'paused') paused.set(decision.group, decision)
      else if (decision.kind === 'deleted') deleted.set(decision.topic, record.offset)
      else paused.delete(decision.group)
    }
    next = page.next
  }
  return { paused, deleted, next }
}

export interface Following {
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One after the other, in the order in which they were decided. */
  readonly decided: (decision: Decision, at: bigint) => void
  /** A read failed, after one that did not. */
  readonly failed: (error: unknown) => void
}

/** How often it is looked whether anything was ever decided, and how long one wait for more takes. */
const POLL_MS = 1_000
const WAIT_MS = 10_000

/** Tells every decision from `from` on, until the signal aborts. A read that fails is made again. */
export async function followDecisions(
  from: bigint,
  { log, clock, signal, decided, failed }: Following,
): Promise<void> {
  let at = from
  let isFailing = false
  while (!signal.aborted) {
    try {
      if ((await log.topics.describe(TOPIC)) === undefined) {
        await sleep(clock, POLL_MS, signal)
        continue
      }
      const page = await log.read({ ...PARTITION, offset: offset(at) }, { ...PAGE, waitMs: WAIT_MS }, signal)
      for (const record of page.records) decided(decode(record), record.offset)
      at = page.next
      isFailing = false
    } catch (error) {
      if (signal.aborted || isHoldfastError(error, 'LOG_CLOSED')) return
      if (!isFailing) failed(error)
      isFailing = true
      await sleep(clock, POLL_MS, signal)
    }
  }
}

function decode({ value, offset: at }: LogRecord): Decision {
  const decision = JSON.parse(Buffer.from(value ?? []).toString()) as Decision & { version: number }
  if (decision.version !== VERSION)
    throw new HoldfastError('LOG_VERSION', {
      detail: `${TOPIC} offset ${at} has version ${decision.version}`,
    })
  return decision
}
