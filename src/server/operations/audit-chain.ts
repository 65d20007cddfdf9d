import { createHash } from 'node:crypto'
import type { LogRecord, Offset } from '../../event/index.ts'
import type { AccessRole } from './operation.ts'

/**
 * The audit trail as a chain: every record carries the hash of the one before and a number, so that a record that was
 * changed, taken out or put in shows in the next one. Whoever rewrites everything after it as well is found out only by
 * a head that was noted elsewhere: `holdfast audit verify --head HASH`.
 */
export type AuditEntry = Began | Ended

interface Linked {
  /** Counts from 0. */
  readonly number: number
  /** Hash of the record before, {@link GENESIS} for the first. */
  readonly before: string
  /** The same in both records of one act. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Durable before anything is changed: an act that died on its way leaves this alone. */
export interface Began extends Linked {
  readonly kind: 'began'
  readonly operation: string
  readonly who: { readonly name: string; readonly role: AccessRole }
  readonly reason: string | null
  /** As given. Replaced by its size and hash when it is large. */
  readonly input: unknown
}

export interface Ended extends Linked {
  readonly kind: 'ended'
  readonly outcome: { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: string }
}

export interface ChainEnd {
  /** The next record's. */
  readonly number: number
  readonly head: string
}

const VERSION = 1
const HASH_HEADER = 'hf-audit-hash'
export const GENESIS = '0'.repeat(64)
export const emptyChain: ChainEnd = { number: 0, head: GENESIS }

export function encodeEntry(entry: AuditEntry): {
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
} {
  const value = Buffer.from(JSON.stringify({ version: VERSION, ...entry }))
  return { value, headers: { [HASH_HEADER]: hashOf(value) } }
}

/** Undefined for a record that is no entry. */
export function decodeEntry({ value }: Pick<LogRecord, 'value'>): AuditEntry | undefined {
  try {
    const entry = JSON.parse(Buffer.from(value ?? []).toString()) as AuditEntry & { version: number }
    const isEntry = entry.version === VERSION && (entry.kind === 'began' || entry.kind === 'ended')
    return isEntry && Number.isSafeInteger(entry.number) ? entry : undefined
  } catch {
    return undefined
  }
}

/** Where the chain goes on after this record. */
export function endAfter(record: Pick<LogRecord, 'value'>): ChainEnd {
  return { number: (decodeEntry(record)?.number ?? -1) + 1, head: hashOf(record.value ?? new Uint8Array()) }
}

/** What is wrong at one record; `offset` is where it stands. */
export interface ChainFinding {
  readonly offset: Offset
  readonly finding: string
}

/** Checks records in their order, one call for each; answers what is wrong with this one, and the end after it. */
export function checkRecord(
  record: Pick<LogRecord, 'value' | 'headers' | 'offset'>,
  end: ChainEnd,
): { readonly findings: readonly ChainFinding[]; readonly end: ChainEnd } {
  const { offset } = record
  const entry = decodeEntry(record)
  const next = endAfter(record)
  const finding = (text: string): ChainFinding => ({ offset, finding: text })
  if (!entry)
    return {
      findings: [finding('it is no entry: inserted or changed')],
      end: { ...next, number: end.number },
    }
  const findings: ChainFinding[] = []
  if (record.headers[HASH_HEADER] !== next.head)
    findings.push(finding('it was changed: its own hash is another'))
  if (entry.number > end.number)
    findings.push(finding(`${entry.number - end.number} before it are missing: it is number ${entry.number}`))
  else if (entry.number < end.number)
    findings.push(finding(`it is the second with number ${entry.number}: one of them was inserted`))
  else if (entry.before !== end.head)
    findings.push(finding('the record before it was changed: its hash is not the one that this one carries'))
  // An inserted record leaves the count as it was, so that those after it are not blamed as well.
  return { findings, end: entry.number < end.number ? { ...next, number: end.number } : next }
}

function hashOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('hex')
}
