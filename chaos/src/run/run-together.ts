import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { RunningArm } from '../contract/arm.ts'
import type { Progress } from '../contract/progress.ts'
import type { ArmResult, TimelineEvent } from '../contract/result.ts'
import type { Scenario, ScenarioArm } from '../contract/scenario.ts'
import type { FaultedDatabase } from '../faults/database.ts'
import { inject, injectionsOf } from '../faults/inject.ts'
import type { Schedule } from '../load/schedule.ts'
import { startLoad, type RunningLoad } from '../load/start-load.ts'
import { follow } from './follow-arm.ts'
import { groupClock, type GroupClock } from './group-clock.ts'
import { prepare, type ReadyArm } from './ready-arm.ts'
import type { KnownArms } from './start-dependencies.ts'

export interface Together {
  readonly scenario: Scenario
  /** Those that run at the same time. */
  readonly arms: readonly ScenarioArm[]
  readonly known: KnownArms
  readonly database: FaultedDatabase
  readonly seed: number
  /** Of the run, milliseconds since 1970. */
  readonly startedAt: number
  /** Of the run; each arm gets its own below it. */
  readonly folder: string
  /** Gets a line for each event. */
  readonly eventsFile: string
  readonly progress: (progress: Progress) => void
  readonly signal: AbortSignal
}

/**
 * Runs arms under the same load at the same time: starts them, sends, lets the faults happen, waits until nothing is
 * under way, and audits what each left. Whatever happens, what it started is stopped. Answers fewer results than arms
 * only when it was interrupted before an arm had begun.
 */
export async function runTogether(together: Together): Promise<ArmResult[]> {
  const { arms, signal } = together
  const ready: ReadyArm[] = []
  let results: ArmResult[] = []
  // When one arm fails, the load of the others must not go on against what is being stopped.
  const ending = new AbortController()
  const own = { ...together, signal: AbortSignal.any([signal, ending.signal]) }
  try {
    const started = await Promise.allSettled(
      arms.map(async as => {
        together.progress({ kind: 'arm', arm: as.as, state: 'starting' })
        ready.push(await prepare(together, as))
      }),
    )
    const failed = started.find(one => one.status === 'rejected')
    if (failed) throw failed.reason
    ready.sort((a, b) => arms.indexOf(a.as) - arms.indexOf(b.as))
    results = await underLoad(own, ready, () => ending.abort())
  } catch (error) {
    // What an interrupted start complains of is the interruption.
    if (!signal.aborted) throw error
  } finally {
    ending.abort()
    for (const { running, rows, dependencies } of ready) {
      await rows.close()
      await running.stop()
      for (const dependency of dependencies.values()) await dependency.stop()
    }
  }
  // Logs and data of an arm are worth keeping only where something is to be explained.
  const explained = ready.filter(
    ({ as }) => results.find(({ name }) => name === as.as)?.problems.length === 0,
  )
  for (const { folder } of explained) rmSync(folder, { recursive: true, force: true })
  return results
}

async function underLoad(
  together: Together,
  ready: readonly ReadyArm[],
  giveUp: () => void,
): Promise<ArmResult[]> {
  const { scenario, database, progress, signal } = together
  const loads = await Promise.all(ready.map(one => load(together, one)))
  const clock = groupClock(() => loads[0]?.seconds() ?? 0, signal)
  const timelines = new Map<string, TimelineEvent[]>(ready.map(({ as }) => [as.as, []]))
  const note = (arm: string, kind: TimelineEvent['kind'], text: string): void => {
    const event = { at: Math.round(Math.max(0, clock.seconds()) * 10) / 10, kind, text }
    timelines.get(arm)?.push(event)
    progress({ kind: 'event', arm, event })
  }
  const hit = ready.map(({ as, running, dependencies }) => ({
    name: as.as,
    services: running.services,
    dependencies,
  }))
  const everybody = ready.map(({ as }) => as.as)
  const phases = announcePhases(scenario, clock, signal, text => {
    for (const arm of everybody) note(arm, 'phase', text)
  })
  const active = new Set<object>()
  const faults = Promise.all(
    scenario.faults
      .flatMap(plan => injectionsOf(plan, database, hit))
      .map(async injection => {
        const tell = (text: string, arms: readonly string[]): void => {
          if (active.has(injection)) active.delete(injection)
          else active.add(injection)
          for (const arm of arms) note(arm, 'fault', text)
        }
        return await inject(injection, clock, tell, signal)
      }),
  )
  const results = ready.map(async (one, i) => {
    const running = loads[i] as RunningLoad
    return await follow(together, one, running, {
      clock,
      faultActive: () => active.size > 0,
      note: (kind, text) => note(one.as.as, kind, text),
      timeline: timelines.get(one.as.as) ?? [],
      faults: faults.then(all => all.flatMap(of => (of?.arms.includes(one.as.as) ? [of.result] : []))),
    })
  })
  for (const result of results) result.catch(giveUp)
  const settled = await Promise.allSettled([phases, ...results])
  const failed = settled.find(one => one.status === 'rejected')
  if (failed) throw failed.reason
  return await Promise.all(results)
}

function load(
  { scenario, seed, folder, signal }: Together,
  { as, run, running }: ReadyArm,
): Promise<RunningLoad> {
  const { phases, keys, zipf, timeoutMs, maxInFlight } = scenario.load
  const schedule: Schedule = {
    phases,
    keys,
    zipf,
    seed,
    run,
    target: templates(running.target),
    poison: scenario.faults.flatMap(plan =>
      plan.target === 'load' ? [{ from: plan.at, to: plan.at + plan.for, every: plan.every }] : [],
    ),
  }
  const { url, headers, attempts } = running.target
  const target = { url, headers, attempts }
  return startLoad({
    schedule,
    target,
    timeoutMs,
    maxInFlight,
    folder: join(folder, 'ledger', as.as),
    signal,
  })
}

/** Only what threads can be told. */
function templates({ body, data, poison }: RunningArm['target']): Schedule['target'] {
  return { body, data, ...(poison !== undefined && { poison }) }
}

async function announcePhases(
  { load: { phases } }: Scenario,
  clock: GroupClock,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<void> {
  let from = 0
  for (const { name, seconds, rate } of phases) {
    await clock.waitUntil(from)
    if (signal.aborted) return
    tell(`${name}: ${rate} events a second for ${Math.round(seconds)} s`)
    from += seconds
  }
}
