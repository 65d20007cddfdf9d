import { createHash } from 'node:crypto'
import type { LogRecord, Offset } from '../../event/index.ts'
import type { AccessRole } from './operation.ts'

/**
 * The audit trail as a chain: every record carries the hash of the one before and a number, so that a record that was
 * changed, taken out or put in shows in the next one. Whoever rewrites everything after it as well is found out only by
 * a head that was noted elsewhere: `holdfast audit verify --head HASH`.
 *
 * Several processes write to it, and nothing keeps two of them from following the same record. Of such siblings the one
 * that stands first in the log counts. The other is superseded: it counts for nobody, and its writer, who looks after its
 * append, writes it again behind the first.
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

const VERSION = 1
const HASH_HEADER = 'hf-audit-hash'
export const GENESIS = '0'.repeat(64)

export function encodeEntry(entry: AuditEntry): {
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
} {
  const value = Buffer.from(JSON.stringify({ version: VERSION, ...entry }))
  return { value, headers: { [HASH_HEADER]: hashOf(value) } }
}

/** Undefined for a record that is no entry. */
function decodeEntry({ value }: Pick<LogRecord, 'value'>): AuditEntry | undefined {
  try {
    const entry = JSON.parse(Buffer.from(value ?? []).toString()) as AuditEntry & { version: number }
    const isEntry = entry.version === VERSION && (entry.kind === 'began' || entry.kind === 'ended')
    return isEntry && Number.isSafeInteger(entry.number) ? entry : undefined
  } catch {
    return undefined
  }
}

/** What is wrong at one record; `offset` is where it stands. */
export interface ChainFinding {
  readonly offset: Offset
  readonly finding: string
}

export type Checked =
  /** The next link of the chain, as far as it can be told: `findings` may say that something is wrong with it. */
  | { readonly kind: 'counts'; readonly entry: AuditEntry; readonly findings: readonly ChainFinding[] }
  /** A sibling of a record that counts, written by somebody who had not seen that one yet; or a copy of it. */
  | {
      readonly kind: 'superseded'
      readonly entry: AuditEntry
      readonly isCopy: boolean
      readonly findings: readonly []
    }
  /** No honest writer has put it there. */
  | { readonly kind: 'foreign'; readonly findings: readonly ChainFinding[] }

type ChainRecord = Pick<LogRecord, 'value' | 'headers' | 'offset'>

/** Siblings are looked for among so many links: a writer that comes later than that was away for as many acts of others. */
const REMEMBERED = 10_000

/**
 * Follows the chain, told of its records in their order.
 *
 * A record is superseded only when it follows a record that counts, and the successor of that one is known and stands
 * before it. So nobody can use this to hide that something was taken out or exchanged: what counted behind it carries
 * its hash, follows a record that does not count then, and is a finding. Only at the end, behind which nothing stands,
 * can one be exchanged for a sibling, as it can be cut off: that is what a noted head is for.
 */
export class Chain {
  /** The number of the next link. */
  number = 0
  /** Of the last record that counts. */
  head: string = GENESIS
  /** Of the last links with which nothing is wrong, by number. */
  readonly #hashes = new Map<number, string>()

  take(record: ChainRecord): Checked {
    const { offset } = record
    const entry = decodeEntry(record)
    const hash = hashOf(record.value ?? new Uint8Array())
    const finding = (text: string): ChainFinding => ({ offset, finding: text })
    if (!entry) return { kind: 'foreign', findings: [finding('it is no entry: inserted or changed')] }
    const findings =
      record.headers[HASH_HEADER] === hash ? [] : [finding('it was changed: its own hash is another')]
    if (entry.number < this.number) {
      if (findings.length === 0 && this.#hasSibling(entry))
        return {
          kind: 'superseded',
          entry,
          isCopy: this.#hashes.get(entry.number) === hash,
          findings: [],
        }
      findings.push(finding(`it is the second with number ${entry.number}: one of them was inserted`))
      // It leaves the count as it was, so that those after it are not blamed as well.
      return { kind: 'foreign', findings }
    }
    if (entry.number > this.number)
      findings.push(
        finding(`${entry.number - this.number} before it are missing: it is number ${entry.number}`),
      )
    else if (entry.before !== this.head)
      findings.push(
        finding(
          'the record before it was changed or exchanged: its hash is not the one that this one carries',
        ),
      )
    this.number = entry.number + 1
    this.head = hash
    if (findings.length === 0) this.#hashes.set(entry.number, hash)
    this.#hashes.delete(entry.number - REMEMBERED)
    return { kind: 'counts', entry, findings }
  }

  /** Whether another record counts that follows the same one. */
  #hasSibling({ number, before }: AuditEntry): boolean {
    const parent = number === 0 ? GENESIS : this.#hashes.get(number - 1)
    return before === parent && this.#hashes.has(number)
  }
}

/**
 * The chain as far as the newest records tell where it ends; undefined when more of them are needed. Its last link is the
 * first with the highest number of all, as long as the record that it follows is among them: one that stands before
 * these could be the first as well.
 */
export function chainOfNewest(records: readonly ChainRecord[], isWhole: boolean): Chain | undefined {
  const known = records.map(record => ({
    entry: decodeEntry(record),
    hash: hashOf(record.value ?? new Uint8Array()),
    record,
  }))
  const highest = known.reduce((max, { entry }) => Math.max(max, entry?.number ?? -1), -1)
  const last = known.findIndex(({ entry }) => entry?.number === highest)
  const parent = known.findIndex(({ hash }) => hash === known[last]?.entry?.before)
  if (!isWhole && (last === -1 || parent === -1)) return undefined
  const chain = new Chain()
  for (const { record } of known.slice(Math.max(0, parent))) chain.take(record)
  return chain
}

function hashOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('hex')
}
