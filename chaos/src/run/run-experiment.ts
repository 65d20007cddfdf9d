import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkArms } from '../checks/check-arms.ts'
import type { Progress } from '../contract/progress.ts'
import type { ArmResult, Result } from '../contract/result.ts'
import type { Scenario, ScenarioArm } from '../contract/scenario.ts'
import { startDatabase, type FaultedDatabase } from '../faults/database.ts'
import { environmentOf } from './environment.ts'
import { limitsOf } from './limits.ts'
import { runTogether } from './run-together.ts'
import type { KnownArms } from './start-dependencies.ts'

export interface ExperimentOptions {
  readonly scenario: Scenario
  readonly known: KnownArms
  readonly seed: number
  /** The command that makes this run again. */
  readonly command: string
  /** Gets result.json, events.ndjson, the ledgers, and what an arm leaves that had problems. */
  readonly folder: string
  readonly id: string
  /** Keeps the cluster of our own PostgreSQL from run to run. */
  readonly postgresFolder: string
  /** A PostgreSQL that somebody else started. */
  readonly postgresUrl?: string
  /** Instead of one that is started or made here. */
  readonly database?: FaultedDatabase
  readonly progress: (progress: Progress) => void
  readonly now: () => number
  /** Ends the run early, with a result that says so. */
  readonly signal: AbortSignal
}

/**
 * Runs a scenario and writes `result.json` and `events.ndjson`. No process that it started is left when it resolves or
 * rejects.
 */
export async function runExperiment(options: ExperimentOptions): Promise<Result> {
  const { scenario, folder, progress, signal, now } = options
  mkdirSync(folder, { recursive: true })
  const startedAt = now()
  const seconds = scenario.load.phases.reduce((sum, phase) => sum + phase.seconds, 0)
  const titleOf = (arm: string): string => options.known.arms.find(({ name }) => name === arm)?.title ?? arm
  const named = scenario.arms.map(({ arm, as }) => ({ name: as, title: titleOf(arm) }))
  progress({
    kind: 'began',
    scenario: scenario.name,
    title: scenario.title,
    arms: named,
    seconds,
    mode: scenario.mode,
  })
  const { postgresFolder, postgresUrl } = options
  const database =
    options.database ??
    (await startDatabase({
      folder: postgresFolder,
      runFolder: folder,
      faults: scenario.faults,
      ...(postgresUrl !== undefined && { url: postgresUrl }),
    }))
  try {
    const environment = environmentOf(folder, database.version)
    const eventsFile = join(folder, 'events.ndjson')
    writeFileSync(eventsFile, '')
    const arms: ArmResult[] = []
    for (const group of groups(scenario)) {
      if (signal.aborted) break
      arms.push(...(await runTogether({ ...options, arms: group, database, eventsFile, startedAt })))
    }
    const partial = signal.aborted
    const { name, title, hypothesis, mode, checks } = scenario
    const result: Result = {
      version: 1,
      kind: 'holdfast-experiment',
      id: options.id,
      scenario: { name, title, hypothesis },
      command: options.command,
      seed: options.seed,
      startedAt,
      finishedAt: now(),
      partial,
      mode,
      environment,
      arms,
      checks: partial ? [] : checkArms(checks, arms),
      limits: limitsOf(scenario, environment, arms),
    }
    writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, null, 1)}\n`)
    progress({ kind: 'ended', result })
    return result
  } finally {
    await database.stop()
  }
}

/** Arms that run at the same time. */
function groups({ arms, mode }: Scenario): (readonly ScenarioArm[])[] {
  return mode === 'side-by-side' ? [arms] : arms.map(arm => [arm])
}
