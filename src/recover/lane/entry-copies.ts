import { offset, type Offset } from '../../event/index.ts'
import type { Entry } from './key-queue.ts'
import type { LaneParts } from './lane-parts.ts'
import { identityOf } from './lane-record.ts'
import { COPY_FORWARD_AT } from './tenure.ts'

/** Copies under way at once. */
const MAX_COPIES = 64

/**
 * Appends the open entries again, oldest first, so that everything before can be forgotten: when the lane is mostly
 * closed entries, or when the list of tenures grows too long. The next round begins only when a commit has got past
 * what was copied: owners that were replaced and do not know it would otherwise drive each other on for ever, each
 * with the copies of the others.
 */
export class EntryCopies {
  readonly #p: LaneParts
  readonly #rest: (entry: Entry) => void
  /** Entries that stand below it are being copied forward. */
  #copyBelow: Offset = offset(0)

  constructor(parts: LaneParts, rest: (entry: Entry) => void) {
    this.#p = parts
    this.#rest = rest
  }

  goOn(): void {
    const { book, own } = this.#p
    if (own.lane >= this.#copyBelow && this.#worthCopying()) this.#copyBelow = this.#p.out.readTo
    for (let entry = book.oldest; entry && book.copying < MAX_COPIES; entry = book.oldest) {
      // One that is not at rest holds up those behind it; it will be over soon.
      const rests = entry.stage === 'waiting' || entry.stage === 'held'
      if (entry.position >= this.#copyBelow || !rests || this.#p.asked(entry.origin)) return
      this.#copy(entry)
    }
  }

  #worthCopying(): boolean {
    const { book, out, own, settings } = this.#p
    const { oldest } = book
    if (!oldest) return false
    const span = Number(out.readTo - oldest.position)
    if (span >= settings.compactFrom && book.size * settings.sparse < span) return true
    return own.tenures.length >= COPY_FORWARD_AT && oldest.position < (own.tenures.at(-1)?.fence ?? 0n)
  }

  #copy(entry: Entry): void {
    const { stage, state, position } = entry
    entry.stage = 'copying'
    this.#p.book.copyOldest(entry)
    this.#p.out.append(
      { kind: 'park', ...identityOf(entry), state },
      at => {
        this.#p.book.copied(entry, at)
        if (stage === 'held') {
          entry.stage = 'held'
          this.#p.rested(entry.origin)
        } else this.#rest(entry)
      },
      { from: 'lane', position },
    )
  }
}
