import { setTimeout as wait } from 'node:timers/promises'
import type { ArmSample, RunningArm } from '../contract/arm.ts'
import type { GroupClock } from './group-clock.ts'
import { ProcessUsage } from './process-usage.ts'
import type { RowsProbe } from './rows.ts'

/** What one arm told and showed at the end of one second of its schedule. */
export interface Sample extends ArmSample {
  readonly at: number
  readonly rows: number | null
  readonly cpu: number | null
  readonly rssBytes: number | null
}

export interface Sampler {
  /** One for each second, in order; a second that took too long to ask about is missing. */
  readonly samples: readonly Sample[]
  readonly usage: ProcessUsage
  /** Takes one last sample and ends. */
  stop(): Promise<void>
}

const LIMIT_MS = 1_000

/** Asks an arm once a second, from the first second of its load on. */
export function startSampler(
  arm: RunningArm,
  rows: RowsProbe,
  clock: GroupClock,
  took: (sample: Sample) => void,
  signal: AbortSignal,
): Sampler {
  const samples: Sample[] = []
  const usage = new ProcessUsage()
  let stopping = false
  const take = async (at: number): Promise<void> => {
    const [told, count] = await Promise.all([within(arm.sample()), rows.count()])
    const pids = [...arm.services.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
    const sample = { at, ...told, rows: count, ...usage.sample(pids, clock.seconds()) }
    samples.push(sample)
    took(sample)
  }
  const loop = async (): Promise<void> => {
    usage.sample([], 0)
    for (let second = 1; !stopping && !signal.aborted; second = Math.floor(clock.seconds()) + 1) {
      await clock.waitUntil(second)
      if (!signal.aborted) await take(second - 1)
    }
  }
  const done = loop()
  return {
    samples,
    usage,
    async stop() {
      stopping = true
      await done
    },
  }
}

/** An arm that does not answer in time has told nothing. */
async function within(sample: Promise<ArmSample>): Promise<ArmSample> {
  const patience = new AbortController()
  const late = wait(LIMIT_MS, {}, { signal: patience.signal }).catch(() => ({}))
  try {
    return await Promise.race([sample.catch(() => ({})), late])
  } finally {
    patience.abort()
  }
}
