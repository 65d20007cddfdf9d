import { createHash } from 'node:crypto'
import { newEventId, offset, sha256, type LogRecord } from '../../event/index.ts'
import { pages, type Log } from '../../log/index.ts'
import { emptyChain, encodeEntry, endAfter, type Began, type ChainEnd, type Ended } from './audit-chain.ts'
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
 * 1. Read the last record, and make the new one out of its number and hash.
 * 2. Append it under an id that names the record before. The log stores an id once, so of all who read the same last
 *    record one is stored, and the others are told of a conflict.
 * 3. On a conflict, again from 1: somebody else got on, so this ends.
 */
async function append(
  { system: { log } }: OperationHost,
  make: (link: { readonly number: number; readonly before: string }) => Began | Ended,
  signal: AbortSignal,
): Promise<void> {
  await log.topics.create(AUDIT_TOPIC, { partitions: 1 })
  for (;;) {
    signal.throwIfAborted()
    const { number, head } = await chainEnd(log, signal)
    const { value, headers } = encodeEntry(make({ number, before: head }))
    const dedup = { scope: '', source: AUDIT_TOPIC, id: `after ${head}`, hash: sha256(value) }
    const [outcome] = await log.append(AUDIT_TOPIC, [{ value, headers, partition: 0, dedup }])
    if (outcome?.kind !== 'conflict') return
  }
}

async function chainEnd(log: Log, signal: AbortSignal): Promise<ChainEnd> {
  let last: LogRecord | undefined
  const { end } = await log.bounds(auditPartition)
  // Offsets may have gaps: further back until there is a record.
  for (let back = 1n; last === undefined; back *= 16n) {
    for await (const record of trail(log, end > back ? end - back : 0n, signal)) last = record
    if (back >= end) break
  }
  return last ? endAfter(last) : emptyChain
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
