import { createHash } from 'node:crypto'
import { HoldfastError, newEventId, offset, type LogRecord, type Offset } from '../../event/index.ts'
import { pages, type Log } from '../../log/index.ts'
import { chainOfNewest, encodeEntry, type Began, type Chain, type Ended } from './audit-chain.ts'
import type { Actor, OperationHost } from './operation.ts'

/** Every change that somebody made by an operation: who, when, why, with which input, and what came of it. */
export const AUDIT_TOPIC = 'hf.audit'

/** An input larger than this is kept as its size and hash. */
const MAX_INPUT_BYTES = 16 * 1024

export interface Act {
  readonly operation: string
  readonly actor: Actor
  readonly input: unknown
  readonly reason: string | undefined
}

/**
 * Runs `work` between two records of the trail. The first is durable before it begins, and when it cannot be written
 * nothing is done. The second says what came of it; when only that one fails, the act is done, its first record stands
 * alone, and the failure is thrown.
 */
export async function audited<T>(
  host: OperationHost,
  act: Act,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { clock, random } = host
  const id = newEventId(clock, random)
  const { operation, actor, reason = null } = act
  const who = { name: actor.name, role: actor.role }
  const input = bounded(act.input)
  await append(
    host,
    link => ({ ...link, kind: 'began', id, at: clock.now(), operation, who, reason, input }),
    signal,
  )
  // What was begun is written to its end, also when whoever asked has gone.
  const ended = (outcome: Ended['outcome']): Promise<void> =>
    append(host, link => ({ ...link, kind: 'ended', id, at: clock.now(), outcome }), AbortSignal.any([]))
  let result: T
  try {
    result = await work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await ended({ kind: 'failed', error: message.slice(0, 1_000) })
    throw error
  }
  await ended({ kind: 'done' })
  return result
}

/**
 * Adds a record to the end of the chain, while other processes add theirs:
 *
 * 1. Read the newest records, and make the new one follow the last that counts.
 * 2. Append it, and read up to it. Where nobody else's came in between, it counts, and will for ever: what is appended
 *    later stands behind it.
 * 3. Else it is superseded, and written again from 1: somebody else got on, so this ends.
 */
async function append(
  { system: { log } }: OperationHost,
  make: (link: { readonly number: number; readonly before: string }) => Began | Ended,
  signal: AbortSignal,
): Promise<void> {
  await log.topics.create(AUDIT_TOPIC, { partitions: 1 })
  const before = turns.get(log)
  const turn = (async () => {
    await before?.catch(() => {}) // whoever wrote that one hears of it
    for (let counts = false; !counts;) {
      signal.throwIfAborted()
      const { chain, next } = await newest(log, signal)
      const { value, headers } = encodeEntry(make({ number: chain.number, before: chain.head }))
      const [outcome] = await log.append(AUDIT_TOPIC, [{ value, headers, partition: 0 }])
      if (!outcome) throw new HoldfastError('INTERNAL', { detail: 'an append answered no outcome' })
      counts = await isNext(log, chain, next, outcome.position.offset)
    }
  })()
  turns.set(log, turn)
  await turn
}

/** Appends of one process come one after another: siblings are for those that cannot know of each other. */
const turns = new WeakMap<Log, Promise<void>>()

/** Whether the record at `own` is the successor of the chain, which was read up to `from`. */
async function isNext(log: Log, chain: Chain, from: Offset, own: Offset): Promise<boolean> {
  // What was appended is written to its end, also when whoever asked has gone.
  const signal = AbortSignal.any([])
  for (let at = from; ;) {
    // Acknowledged already: a log on other machines may show it a moment later.
    const page = await log.read({ ...auditPartition, offset: at }, { ...PAGE, waitMs: 1_000 }, signal)
    for (const record of page.records) {
      const { kind } = chain.take(record)
      if (record.offset >= own) return record.offset === own && kind === 'counts'
    }
    at = page.next
  }
}

/** The chain up to its end, and where that was. */
async function newest(
  log: Log,
  signal: AbortSignal,
): Promise<{ readonly chain: Chain; readonly next: Offset }> {
  const { start, end } = await log.bounds(auditPartition)
  // Offsets may have gaps, and records may be superseded: further back until it is certain.
  for (let back = 16n; ; back *= 16n) {
    const from = end - back > start ? offset(end - back) : start
    const records: LogRecord[] = []
    for await (const record of trail(log, from, signal)) records.push(record)
    signal.throwIfAborted()
    const chain = chainOfNewest(records, from === start)
    const last = records.at(-1)
    if (chain) return { chain, next: last ? offset(last.offset + 1n) : end }
  }
}

const auditPartition = { topic: AUDIT_TOPIC, partition: 0 }
const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 }

/** The records from `from` on, or from the first that is kept. Nothing while there is no trail. */
export async function* trail(log: Log, from: bigint, signal: AbortSignal): AsyncGenerator<LogRecord> {
  if ((await log.topics.describe(AUDIT_TOPIC)) === undefined) return
  const { start, end } = await log.bounds(auditPartition)
  const position = { ...auditPartition, offset: from > start ? offset(from) : start }
  for await (const { records } of pages(log, position, { ...PAGE, end }, signal)) yield* records
}

function bounded(input: unknown): unknown {
  const text = JSON.stringify(input)
  if (text.length <= MAX_INPUT_BYTES) return input
  return { bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') }
}
