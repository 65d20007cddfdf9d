import { HoldfastError, type Clock } from '../event/index.ts'
import type { Commit, CommitOutcome, Groups } from '../log/index.ts'

export interface GroupCommitsOptions {
  readonly groups: Groups
  readonly group: string
  readonly clock: Clock
  /** Positions are stored at most this often, … */
  readonly everyMs: number
  /** … and so soon when something waits for it: not at once, so that several things share one. */
  readonly soonMs: number
  /** It is time: whoever has something to commit says so now. */
  due(): void
}

/**
 * Stores the positions of a group: those that come together in one call, and one call after another, so that no position
 * moves back.
 */
export class GroupCommits {
  readonly #o: GroupCommitsOptions
  #waiting: { readonly commit: Commit; readonly stored: PromiseWithResolvers<CommitOutcome> }[] = []
  #working = false
  #timer: { readonly at: number; readonly cancel: () => void } | undefined

  constructor(options: GroupCommitsOptions) {
    this.#o = options
  }

  /** Somebody has something to commit. */
  ask(when: 'yes' | 'soon'): void {
    const { clock, everyMs, soonMs } = this.#o
    const ms = when === 'soon' ? soonMs : everyMs
    const at = clock.monotonic() + ms
    if (this.#timer && this.#timer.at <= at) return
    this.#timer?.cancel()
    const cancel = clock.after(ms, () => {
      this.#timer = undefined
      this.#o.due()
    })
    this.#timer = { at, cancel }
  }

  store(commit: Commit): Promise<CommitOutcome> {
    const stored = Promise.withResolvers<CommitOutcome>()
    this.#waiting.push({ commit, stored })
    void this.#work()
    return stored.promise
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    await Promise.resolve() // whatever is asked for in one go shares the call
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        const outcomes = await this.#o.groups.commit(
          this.#o.group,
          batch.map(({ commit }) => commit),
        )
        for (const [i, { stored }] of batch.entries()) {
          const outcome = outcomes[i]
          if (outcome) stored.resolve(outcome)
          else
            stored.reject(new HoldfastError('INTERNAL', { detail: 'the log did not answer for a position' }))
        }
      } catch (error) {
        for (const { stored } of batch) stored.reject(error)
      }
    }
    this.#working = false
  }
}
