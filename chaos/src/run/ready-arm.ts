import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Arm, Dependency, RunningArm } from '../contract/arm.ts'
import type { ScenarioArm } from '../contract/scenario.ts'
import { limitRows, rowsProbe, type RowsProbe } from './rows.ts'
import type { Together } from './run-together.ts'
import { startDependencies } from './start-dependencies.ts'

/** An arm whose processes run and would serve the first request. */
export interface ReadyArm {
  readonly as: ScenarioArm
  readonly arm: Arm
  readonly running: RunningArm
  readonly dependencies: ReadonlyMap<string, Dependency>
  readonly rows: RowsProbe
  /** Begins its ids. Another for each run: a store of others outlives it. */
  readonly run: string
  readonly folder: string
}

/** Gives an arm its database, its folder and what it needs, and starts it. */
export async function prepare(together: Together, as: ScenarioArm): Promise<ReadyArm> {
  const { scenario, known, database, signal, startedAt } = together
  const arm = known.arms.find(({ name }) => name === as.arm)
  if (!arm) throw new Error(`there is no arm ${as.arm}`)
  const folder = join(together.folder, 'arms', as.as)
  mkdirSync(folder, { recursive: true })
  const { url, direct } = await database.create(`chaos_${as.as.replaceAll('-', '_')}`)
  const dependencies = await startDependencies(arm, scenario, known, folder, signal)
  try {
    const running = await arm.start({
      databaseUrl: url,
      folder,
      flags: new Set(as.flags),
      dependencies: Object.fromEntries([...dependencies].map(([name, { url }]) => [name, url])),
      signal,
    })
    const { sinkRowsPerSecond } = scenario
    if (sinkRowsPerSecond !== undefined) await limitRows(direct, running.table, sinkRowsPerSecond)
    const rows = rowsProbe(direct, running.table)
    return { as, arm, running, dependencies, rows, folder, run: `${as.as}-${startedAt.toString(36)}` }
  } catch (error) {
    for (const dependency of dependencies.values()) await dependency.stop()
    throw error
  }
}
