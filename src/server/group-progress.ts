import { sleep, type Clock, type Logger } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'

/** How far a group and its topics were at one moment, summed over the partitions that it has a position in. */
export interface ProgressSample {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly committed: bigint
  readonly end: bigint
}

/** How often it is looked, and for how long it is remembered. */
const EVERY_MS = 15_000
const KEPT = 20

/** Remembers how far the groups were during the last minutes, for a forecast of when they will have caught up. */
export class GroupProgress {
  readonly #samples = new Map<string, ProgressSample[]>()

  /** The oldest first; none for a group that is not watched. */
  of(group: string): readonly ProgressSample[] {
    return this.#samples.get(group) ?? []
  }

  /** Looks from time to time until the signal aborts. A look that fails is left out. */
  async watch(
    groups: readonly string[],
    {
      system,
      clock,
      logger,
      signal,
    }: { system: LogSystem; clock: Clock; logger: Logger; signal: AbortSignal },
  ): Promise<void> {
    while (!signal.aborted) {
      for (const group of groups) {
        try {
          const sample = await progressNow(system, clock, group)
          this.#samples.set(group, [...this.of(group), sample].slice(-KEPT))
        } catch (error) {
          if (!signal.aborted) logger.debug({ group, err: error }, `how far ${group} is could not be read`)
        }
      }
      await sleep(clock, EVERY_MS, signal)
    }
  }
}

export async function progressNow(
  { log, groups }: LogSystem,
  clock: Clock,
  group: string,
): Promise<ProgressSample> {
  const at = clock.monotonic()
  let [committed, end] = [0n, 0n]
  for (const position of await groups.committed(group)) {
    committed += position.offset
    end += (await log.bounds(position)).end
  }
  return { at, committed, end }
}
