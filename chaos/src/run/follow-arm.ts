import { setTimeout as wait } from 'node:timers/promises'
import type { Evidence } from 'holdfast/testing'
import type { RunningArm } from '../contract/arm.ts'
import type { ArmResult, FaultResult, TimelineEvent } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'
import type { RunningLoad } from '../load/start-load.ts'
import { armResult, type ArmRecord } from './arm-result.ts'
import { appendEvents } from './events-file.ts'
import type { GroupClock } from './group-clock.ts'
import { poisonResults } from './poison.ts'
import type { ReadyArm } from './ready-arm.ts'
import type { Together } from './run-together.ts'
import { startSampler, type Sample } from './sampler.ts'

export interface Following {
  readonly clock: GroupClock
  readonly faultActive: () => boolean
  readonly note: (kind: TimelineEvent['kind'], text: string) => void
  readonly timeline: readonly TimelineEvent[]
  readonly faults: Promise<FaultResult[]>
}

/** One arm from its first event to its audit. */
export async function follow(
  together: Together,
  one: ReadyArm,
  load: RunningLoad,
  { clock, faultActive, note, timeline, faults: happening }: Following,
): Promise<ArmResult> {
  const { scenario, progress, signal, eventsFile } = together
  const { as, arm, running, run } = one
  const { tally } = load
  let breaker: Sample['breaker']
  progress({ kind: 'arm', arm: as.as, state: 'running' })
  const sampler = startSampler(
    running,
    one.rows,
    clock,
    sample => {
      if (sample.breaker !== undefined && breaker !== undefined && sample.breaker !== breaker) {
        note('breaker', `breaker ${breaker} → ${sample.breaker}`)
      }
      breaker = sample.breaker ?? breaker
      const { sent: _, planned: __, ...sums } = tally.sums
      const { rows, cpu: ___, rssBytes: ____, ...told } = sample
      const p99 = tally.takeP99()
      progress({
        kind: 'second',
        arm: as.as,
        second: {
          ...told,
          ...sums,
          phase: phaseAt(scenario, sample.at),
          faultActive: faultActive(),
          planned: tally.plannedUntil(sample.at + 1),
          ...(rows !== null && { rows }),
          ...(p99 !== undefined && { p99 }),
        },
      })
    },
    signal,
  )
  await load.finished
  const ledger = load.ledger()
  const faults = await happening
  progress({ kind: 'arm', arm: as.as, state: 'draining' })
  const drainedAt = await drain(running, clock, scenario.drainSeconds, signal)
  if (drainedAt !== undefined) note('drained', 'nothing is under way any more')
  await sampler.stop()
  const looked = signal.aborted ? {} : await look(running)
  const record: ArmRecord = {
    arm,
    as,
    scenario,
    tally,
    ledger,
    evidence: looked.evidence,
    samples: sampler.samples,
    usage: sampler.usage,
    faults: [...faults, ...poisonResults(scenario, tally)],
    timeline,
    drainedAt,
    problems: looked.problem === undefined ? [] : [looked.problem],
  }
  const { result, audit } = armResult(record)
  appendEvents(eventsFile, as.as, { tally, ledger, run }, looked.evidence, audit)
  progress({ kind: 'arm', arm: as.as, state: 'audited' })
  return result
}

function phaseAt({ load: { phases } }: Scenario, at: number): string {
  let until = 0
  return phases.find(({ seconds }) => (until += seconds) > at)?.name ?? 'draining'
}

const DRAIN_POLL_MS = 200

/** When it said that nothing is under way; undefined when it did not in time. */
async function drain(
  running: RunningArm,
  clock: GroupClock,
  limitSeconds: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const end = clock.seconds() + limitSeconds
  while (!signal.aborted && clock.seconds() < end) {
    if (await running.isDrained().catch(() => false)) return clock.seconds()
    await wait(DRAIN_POLL_MS, undefined, { signal }).catch(() => {})
  }
  return undefined
}

async function look(
  running: RunningArm,
): Promise<{ readonly evidence?: Evidence; readonly problem?: string }> {
  try {
    return { evidence: await running.evidence() }
  } catch (error) {
    return { problem: `what it left behind could not be read: ${(error as Error).message}` }
  }
}
