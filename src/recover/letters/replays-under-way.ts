import { sleep, type Clock } from '../../event/index.ts'
import type { SeenLetter } from './ask-owners.ts'
import type { GroupLetters } from './group-letters.ts'

/** Between looks at letters that run. */
const LOOK_MS = 50

/** Replays that were accepted, and how they end. A letter tells: it is resolved, or it has died of its new round. */
export class ReplaysUnderWay {
  readonly #letters: GroupLetters
  readonly #clock: Clock
  readonly #running = new Set<SeenLetter>()
  readonly diedAgain: string[] = []
  resolved = 0

  constructor(letters: GroupLetters, clock: Clock) {
    this.#letters = letters
    this.#clock = clock
  }

  get running(): number {
    return this.#running.size
  }

  add(seen: SeenLetter): void {
    this.#running.add(seen)
  }

  /** Waits until no more than `most` replays of the group run, whoever asked for them. */
  async room(most: number, signal: AbortSignal): Promise<void> {
    await this.#until(() => Math.max(this.#running.size, this.#letters.replaying) <= most, Infinity, signal)
  }

  /** Waits until all of these have ended, or for so long. */
  async ended(forMs: number, signal: AbortSignal): Promise<void> {
    await this.#until(() => this.#running.size === 0, forMs, signal)
  }

  async #until(holds: () => boolean, forMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.monotonic() + forMs
    while (!holds()) {
      await this.#look()
      if (holds() || this.#clock.monotonic() >= deadline || signal.aborted) return
      await sleep(this.#clock, LOOK_MS, signal)
    }
  }

  async #look(): Promise<void> {
    await this.#letters.readOn(AbortSignal.any([]))
    for (const seen of this.#running) {
      if (isRunning(seen)) continue
      this.#running.delete(seen)
      if (isResolved(seen)) this.resolved += 1
      else this.diedAgain.push(seen.letter.id)
    }
  }
}

/** Not at its end: not even begun in what was read so far, or under way. */
function isRunning({ letter, state }: SeenLetter): boolean {
  const round = state.round + 1
  return letter.state.round < round || (letter.state.round === round && letter.state.status === 'replaying')
}

/** By the replay that was seen; what died and was replayed again since has died all the same. */
function isResolved({ letter, state }: SeenLetter): boolean {
  return letter.state.status === 'resolved' && letter.state.round === state.round + 1
}
