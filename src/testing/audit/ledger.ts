/**
 * What a load client planned, sent and was answered, by id. The client writes the line of an event to its disk before
 * the event goes out, so the ledger knows more than any server: an event that no server remembers is still in here.
 */
export interface Ledger {
  /** How many events the schedule holds, as the client wrote it before the first one was sent. */
  readonly planned: number
  readonly entries: ReadonlyMap<string, LedgerEntry>
  /** Where the ledger contradicts itself. Empty for a ledger that can be trusted. */
  readonly problems: readonly string[]
}

/**
 * `accepted`: the server promised to keep it. `refused`: it is certain that nothing was kept. `unanswered`: sent, and
 * nobody knows; it may be stored or not. `unsent`: due by the schedule, never sent.
 */
export type Outcome = 'accepted' | 'refused' | 'unanswered' | 'unsent'

export interface LedgerEntry {
  readonly id: string
  readonly key: string | undefined
  /** Hash of the payload bytes; any function, as long as the store is hashed by the same one. */
  readonly hash: string
  readonly outcome: Outcome
  /** Milliseconds on the client's monotonic clock: when it was first sent, and when it was accepted. */
  readonly sentAt: number | undefined
  readonly acceptedAt: number | undefined
}

/**
 * A ledger line. `run` comes first and once. An event has one `unsent`, or a `sent` for each attempt, each followed
 * by at most one `answer`; an attempt without an answer is an open question for ever.
 */
export type LedgerLine =
  | { readonly line: 'run'; readonly planned: number }
  | { readonly line: 'unsent'; readonly id: string; readonly key?: string; readonly hash: string }
  | {
      readonly line: 'sent'
      readonly id: string
      readonly key?: string
      readonly hash: string
      readonly at: number
    }
  | {
      readonly line: 'answer'
      readonly id: string
      readonly outcome: Exclude<Outcome, 'unsent'>
      readonly at: number
    }

/** Reads the lines of a ledger file. A last line that was cut off by the client's own death is left out. */
export function parseLedger(text: string): Ledger {
  const lines = text.split('\n')
  // Whole lines end with a newline, so what follows the last one is empty or torn.
  lines.pop()
  return ledgerOf(lines.map(line => JSON.parse(line) as LedgerLine))
}

/** The ledger of its lines. */
export function ledgerOf(lines: Iterable<LedgerLine>): Ledger {
  let planned: number | undefined
  const drafts = new Map<string, Draft>()
  const problems: string[] = []
  for (const line of lines) {
    if (line.line === 'run') {
      if (planned !== undefined) problems.push('the ledger has two headers')
      planned = line.planned
      continue
    }
    const draft = drafts.get(line.id)
    switch (line.line) {
      case 'unsent':
        if (draft) problems.push(`${line.id} is unsent, and was planned or sent before`)
        else drafts.set(line.id, { ...line, key: line.key, attempts: 0, answers: [] })
        break
      case 'sent':
        if (draft?.attempts === 0) problems.push(`${line.id} was sent, and is unsent`)
        else if (draft && draft.hash !== line.hash)
          problems.push(`${line.id} was sent again with another payload`)
        else if (draft) draft.attempts += 1
        else drafts.set(line.id, { ...line, key: line.key, attempts: 1, sentAt: line.at, answers: [] })
        break
      case 'answer':
        if (!draft || draft.answers.length >= draft.attempts) {
          problems.push(`${line.id} was answered more often than it was sent`)
          break
        }
        draft.answers.push(line.outcome)
        if (line.outcome === 'accepted') draft.acceptedAt ??= line.at
        break
    }
  }
  if (planned === undefined) problems.push('the ledger has no header')
  const entries = new Map([...drafts].map(([id, draft]) => [id, settle(draft)]))
  return { planned: planned ?? 0, entries, problems }
}

interface Draft {
  id: string
  key: string | undefined
  hash: string
  attempts: number
  answers: Outcome[]
  sentAt?: number
  acceptedAt?: number
}

function settle(draft: Draft): LedgerEntry {
  const { id, key, hash, sentAt, acceptedAt } = draft
  return { id, key, hash, outcome: outcomeOf(draft), sentAt, acceptedAt }
}

/** One accepted attempt is a promise; refused needs every attempt to have been refused for certain. */
function outcomeOf({ attempts, answers }: Draft): Outcome {
  if (attempts === 0) return 'unsent'
  if (answers.includes('accepted')) return 'accepted'
  return answers.length === attempts && answers.every(answer => answer === 'refused')
    ? 'refused'
    : 'unanswered'
}
