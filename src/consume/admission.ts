import type { Dependency, Pass } from '../recover/index.ts'
import type { Gate, Limiter, RateLimit } from './limits.ts'

/**
 * Lets attempts begin: once the group may go on, the rate and the concurrency allow it, and every dependency lets it in.
 * One for each group in a process; all its partitions ask here.
 */
export interface Admission {
  /** A place for an attempt at `count` events right now, or undefined when one has to wait for it. */
  tryEnter(count: number): Place | undefined
  /** Waits for a place. Undefined when `signal` aborted first. */
  enter(count: number, signal: AbortSignal): Promise<Place | undefined>
}

/** To be left once, saying how the attempt went. */
export interface Place {
  leave(how: 'success' | 'neither' | Outage): void
}

/** The dependency that was away is to blame. */
export interface Outage {
  readonly dependency: Dependency
  readonly reason: string
}

export interface AdmissionOptions {
  /** Shut while the group is paused as a whole. */
  readonly gate: Gate
  readonly rate: RateLimit
  readonly limiter: Limiter
  readonly dependencies: readonly Dependency[]
}

export function admission({ gate, rate, limiter, dependencies }: AdmissionOptions): Admission {
  const tryPassAll = (): readonly Pass[] | undefined => {
    const passes: Pass[] = []
    for (const dependency of dependencies) {
      const pass = dependency.tryEnter()
      if (!pass) return giveBack(passes)
      passes.push(pass)
    }
    return passes
  }
  const passAll = async (signal: AbortSignal): Promise<readonly Pass[] | undefined> => {
    const passes: Pass[] = []
    for (const dependency of dependencies) {
      const pass = await dependency.enter(signal)
      if (!pass) return giveBack(passes)
      passes.push(pass)
    }
    return passes
  }
  return {
    tryEnter(count) {
      if (!gate.isOpen) return undefined
      const leave = limiter.tryEnter()
      if (!leave) return undefined
      const passes = tryPassAll()
      if (passes && rate.tryTake(count)) return new TakenPlace(dependencies, passes, leave)
      giveBack(passes ?? [])
      leave()
      return undefined
    },
    async enter(count, signal) {
      await gate.passed(signal)
      await rate.take(count, signal)
      const leave = await limiter.enter(signal)
      if (!leave) return undefined
      const passes = await passAll(signal)
      if (passes) return new TakenPlace(dependencies, passes, leave)
      leave()
      return undefined
    },
  }
}

class TakenPlace implements Place {
  readonly #dependencies: readonly Dependency[]
  /** One for each dependency. */
  readonly #passes: readonly Pass[]
  readonly #leave: () => void

  constructor(dependencies: readonly Dependency[], passes: readonly Pass[], leave: () => void) {
    this.#dependencies = dependencies
    this.#passes = passes
    this.#leave = leave
  }

  leave(how: 'success' | 'neither' | Outage): void {
    this.#passes.forEach((pass, i) => {
      if (typeof how === 'string') pass.done(how)
      else if (this.#dependencies[i] === how.dependency) pass.done('outage', how.reason)
      else pass.done('neither')
    })
    this.#leave()
  }
}

function giveBack(passes: readonly Pass[]): undefined {
  for (const pass of passes) pass.done('neither')
}
