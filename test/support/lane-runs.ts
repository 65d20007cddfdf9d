import { play } from './lane-world/play.ts'
import { Broken, World, type Subject, type WorldOptions } from './lane-world/world.ts'

/** How a seed broke a promise, with the end of what happened. */
export interface Found {
  readonly seed: number
  readonly what: string
  readonly trace: string
}

/** Lines of the trace that are shown: the last ones before the promise was broken. */
const SHOWN = 60

/**
 * Plays worlds from seed `from` on until one breaks a promise; undefined when none of `count` did. An assertion of the
 * machine itself counts as well: it noticed. `seen` sums up what the worlds have met.
 */
export function firstBroken(
  subject: Subject,
  from: number,
  count: number,
  seen: Map<string, number> = new Map(),
  options: WorldOptions = {},
): Found | undefined {
  for (let seed = from; seed < from + count; seed++) {
    const world = new World(seed, subject, options)
    const what = broken(world)
    if (what !== undefined) return { seed, what, trace: traced(subject, seed, options) }
    for (const [name, times] of world.seen) seen.set(name, (seen.get(name) ?? 0) + times)
  }
  return undefined
}

function broken(world: World): string | undefined {
  try {
    play(world)
    return undefined
  } catch (error) {
    return error instanceof Broken ? error.message : `thrown: ${String(error)}`
  }
}

function traced(subject: Subject, seed: number, options: WorldOptions): string {
  const world = new World(seed, subject, { ...options, trace: true })
  broken(world)
  return (world.trace ?? []).slice(-SHOWN).join('\n')
}
