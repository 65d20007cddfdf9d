import { HoldfastError, type Offset } from '../../event/index.ts'
import type { Appended, Body, Effect, FoundLetter, Letter, RunEvent } from './lane-io.ts'

type WithoutNumber<T> = T extends unknown ? Omit<T, 'tenure' | 'seq'> : never

const NOTHING: readonly Effect[] = []

/**
 * What was asked of the shell and not answered yet, with what follows from the answer. The answers are inputs of the
 * machine; nothing here waits.
 */
export class Outbox {
  readonly #tenure: string
  #effects: Effect[] = []
  #seq = 0
  #refs = 0
  /** By number, so the one that was sent first comes first. */
  readonly #appends = new Map<number, { readonly sentAt: Offset; readonly done: (at: Offset) => void }>()
  readonly #letters = new Map<number, () => void>()
  readonly #checks = new Map<number, (applied: boolean | undefined) => void>()
  readonly #lookUps = new Map<number, (letter: FoundLetter | undefined) => void>()
  /** Where the lane is read on. */
  readTo: Offset

  constructor(tenure: string, readTo: Offset) {
    this.#tenure = tenure
    this.readTo = readTo
  }

  get idle(): boolean {
    return this.#appends.size + this.#letters.size + this.#lookUps.size + this.#checks.size === 0
  }

  /** Where the lane was read to when the oldest append was sent that is not durable yet: it will stand no lower. */
  get oldestSentAt(): Offset | undefined {
    const [first] = this.#appends.values()
    return first?.sentAt
  }

  push(effect: Effect): void {
    this.#effects.push(effect)
  }

  take(): readonly Effect[] {
    if (this.#effects.length === 0) return NOTHING
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  append(record: WithoutNumber<Appended>, then: (position: Offset) => void, body?: Body): void {
    const seq = this.#seq++
    this.#appends.set(seq, { sentAt: this.readTo, done: then })
    this.push({ kind: 'append', record: { ...record, tenure: this.#tenure, seq }, body })
  }

  letter(letter: Letter, then: () => void): void {
    const ref = this.#refs++
    this.#letters.set(ref, then)
    this.push({ kind: 'letter', ref, letter })
  }

  lookUp(origin: Offset, generation: number, then: (letter: FoundLetter | undefined) => void): void {
    const ref = this.#refs++
    this.#lookUps.set(ref, then)
    this.push({ kind: 'look-up', ref, origin, generation })
  }

  check(event: RunEvent, then: (applied: boolean | undefined) => void): void {
    const ref = this.#refs++
    this.#checks.set(ref, then)
    this.push({ kind: 'check', ref, event })
  }

  appended(seq: number, position: Offset): void {
    taken(this.#appends, seq).done(position)
  }

  written(ref: number): void {
    taken(this.#letters, ref)()
  }

  checked(ref: number, applied: boolean | undefined): void {
    taken(this.#checks, ref)(applied)
  }

  lookedUp(ref: number, letter: FoundLetter | undefined): void {
    taken(this.#lookUps, ref)(letter)
  }
}

function taken<T>(waiting: Map<number, T>, number: number): T {
  const found = waiting.get(number)
  if (found === undefined)
    throw new HoldfastError('INTERNAL', { detail: `the retry lane was told twice, or unasked, of ${number}` })
  waiting.delete(number)
  return found
}
