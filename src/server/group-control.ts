import { HoldfastError, isHoldfastError, offset, sleep, type Clock, type LogRecord } from '../event/index.ts'
import { pages, type Log } from '../log/index.ts'

/**
 * What operators decided about groups, durably and for all processes: the topic `hf.groups`, one record for each
 * decision, the last of a group counts. A process reads it to its end before it joins a group, and follows it then, so a
 * group that was paused stays paused after a restart, in whichever process and by whichever way it was paused.
 */
export type GroupDecision = PauseDecision | ResumeDecision | ForgetDecision

interface Decided {
  readonly group: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
}

interface PauseDecision extends Decided {
  readonly kind: 'paused'
  readonly reason: string
}

interface ResumeDecision extends Decided {
  readonly kind: 'resumed'
  /** Until then events may die in a flood. Milliseconds since 1970. */
  readonly allowDeadUntil: number | null
}

/** There is no such group any more: one that gets its name later is not paused. Whoever has stepped aside stays there. */
interface ForgetDecision extends Decided {
  readonly kind: 'forgotten'
}

/** Which groups are paused. */
export type Paused = ReadonlyMap<string, PauseDecision>

const TOPIC = 'hf.groups'
const PARTITION = { topic: TOPIC, partition: 0 }
const VERSION = 1
const PAGE = { maxRecords: 500, maxBytes: 1024 * 1024 }

/** Writes a decision down; whoever follows hears of it. Answers where it stands. */
export async function decide(log: Log, decision: GroupDecision): Promise<bigint> {
  await log.topics.create(TOPIC, { partitions: 1 })
  const value = Buffer.from(JSON.stringify({ version: VERSION, ...decision }))
  const [outcome] = await log.append(TOPIC, [{ key: decision.group, value, headers: {}, partition: 0 }])
  if (!outcome) throw new HoldfastError('INTERNAL', { detail: 'an append of one record answered no outcome' })
  return outcome.position.offset
}

/** The groups that are paused now. */
export async function pausedGroups(log: Log, signal: AbortSignal): Promise<Paused> {
  return (await decisionsSoFar(log, signal)).paused
}

/** What was decided until now, and where to follow on from. */
export async function decisionsSoFar(
  log: Log,
  signal: AbortSignal,
): Promise<{ readonly paused: Paused; readonly next: bigint }> {
  const paused = new Map<string, PauseDecision>()
  if ((await log.topics.describe(TOPIC)) === undefined) return { paused, next: 0n }
  const { start, end } = await log.bounds(PARTITION)
  let next: bigint = start
  for await (const page of pages(log, { ...PARTITION, offset: start }, { ...PAGE, end }, signal)) {
    for (const record of page.records) {
      const decision = decode(record)
      if (decision.kind === 'paused') paused.set(decision.group, decision)
      else paused.delete(decision.group)
    }
    next = page.next
  }
  return { paused, next }
}

export interface Following {
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One after the other, in the order in which they were decided. */
  readonly decided: (decision: GroupDecision, at: bigint) => void
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

function decode({ value, offset: at }: LogRecord): GroupDecision {
  const decision = JSON.parse(Buffer.from(value ?? []).toString()) as GroupDecision & { version: number }
  if (decision.version !== VERSION)
    throw new HoldfastError('LOG_VERSION', {
      detail: `${TOPIC} offset ${at} has version ${decision.version}`,
    })
  return decision
}
