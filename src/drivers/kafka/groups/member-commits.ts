import { partitionId, type Clock } from '../../../event/index.ts'
import type { Commit, OwnedPartition } from '../../../log/index.ts'
import { kafkaError } from '../errors.ts'
import type { Call } from './member-io.ts'
import { refusalOf, type Refusal } from './refusal.ts'

export interface MemberCommitsOptions {
  readonly group: string
  readonly clock: Clock
  /** Whether it is this member's to commit now, and as whom. */
  may(owned: OwnedPartition): Call | 'later' | 'never'
  /** Sends them in one request; rejects with what the broker says. */
  send(call: Call, commits: readonly Commit[]): Promise<void>
  /** Which of them were stored all the same, when {@link send} was rejected. */
  stored(error: unknown, commits: readonly Commit[]): readonly Commit[]
  refused(call: Call, refusal: Refusal): void
}

/**
 * Stores a member's positions: one request at a time, and of each partition one position in it, so that none moves back.
 *
 * A refusal decides nothing here. The machine of the member hears of it, and then says of each partition whether it is
 * still held under the epoch of the commit: if so it is sent again, as the member is called by then; if not it is stale.
 * So a commit that met a round is stored in the next generation, and one of a member that was shut out never is.
 */
export class MemberCommits {
  readonly #o: MemberCommitsOptions
  #waiting: Waiting[] = []
  #working = false
  #changed = Promise.withResolvers<void>()

  constructor(options: MemberCommitsOptions) {
    this.#o = options
  }

  /** True once it is stored, false when the partition is not held under that epoch any more. */
  store(commit: Commit): Promise<boolean> {
    const stored = Promise.withResolvers<boolean>()
    this.#waiting.push({ commit, stored })
    void this.#work() // whoever waits hears of it
    return stored.promise
  }

  /** What the member may commit may be something else now. */
  changed(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    let tries = 0
    await Promise.resolve() // what is asked for in one go is one request
    while (this.#waiting.length > 0) {
      const ready = this.#ready()
      if (ready && (await this.#send(ready.call, ready.of))) tries = 0
      else if (this.#waiting.length > 0) await this.#pause(tries++)
    }
    this.#working = false
  }

  /** The oldest of each partition that may be sent. Those that may never be are answered. */
  #ready(): { readonly call: Call; readonly of: readonly Waiting[] } | undefined {
    const of = new Map<string, Waiting>()
    let call: Call | undefined
    for (const waiting of this.#waiting) {
      const id = partitionId(waiting.commit)
      if (of.has(id)) continue
      const may = this.#o.may(waiting.commit)
      if (may === 'never') this.#settle(waiting, false)
      else if (may !== 'later') {
        call = may
        of.set(id, waiting)
      }
    }
    return call && { call, of: [...of.values()] }
  }

  /** True when something came of it, so that no pause is needed before the next. */
  async #send(call: Call, of: readonly Waiting[]): Promise<boolean> {
    const commits = of.map(({ commit }) => commit)
    try {
      await this.#o.send(call, commits)
      for (const waiting of of) this.#settle(waiting, true)
      return true
    } catch (error) {
      const stored = new Set(this.#o.stored(error, commits))
      const open = of.filter(waiting => !stored.has(waiting.commit))
      for (const waiting of of) if (stored.has(waiting.commit)) this.#settle(waiting, true)
      const refusal = refusalOf(error)
      if (refusal === 'hopeless') {
        const { group } = this.#o
        const told = kafkaError(error, {
          doing: `store positions of group ${group}`,
          grant: `Read on group ${group} and on its topics`,
        })
        for (const { stored } of open) stored.reject(told)
        this.#waiting = this.#waiting.filter(waiting => !open.includes(waiting))
        return true
      }
      this.#o.refused(call, refusal)
      this.#ready() // those that this has cost the member hear of it now
      return false
    }
  }

  #settle(waiting: Waiting, stored: boolean): void {
    this.#waiting = this.#waiting.filter(one => one !== waiting)
    waiting.stored.resolve(stored)
  }

  /** Until something has changed, and not for long: the coordinator may be another one by now. */
  async #pause(tries: number): Promise<void> {
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS)
    const due = Promise.withResolvers<void>()
    const cancel = this.#o.clock.after(ms, due.resolve)
    await Promise.race([due.promise, this.#changed.promise])
    cancel()
  }
}

interface Waiting {
  readonly commit: Commit
  readonly stored: PromiseWithResolvers<boolean>
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000
