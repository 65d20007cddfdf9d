import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Arm, Dependency, StartDependency } from '../contract/arm.ts'
import type { Scenario } from '../contract/scenario.ts'

/** What a run may start. */
export interface KnownArms {
  readonly arms: readonly Arm[]
  readonly dependencies: Readonly<Record<string, StartDependency>>
}

/** Starts what an arm cannot do without, and what the scenario faults. */
export async function startDependencies(
  arm: Arm,
  { faults }: Pick<Scenario, 'faults'>,
  known: KnownArms,
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Dependency>> {
  const faulted = faults.flatMap(plan => (plan.target === 'dependency' ? [plan.dependency] : []))
  const started = new Map<string, Dependency>()
  for (const name of new Set([...arm.needs, ...faulted])) {
    const start = known.dependencies[name]
    if (!start) throw new Error(`there is no dependency ${name}`)
    const own = join(folder, `dependency-${name}`)
    mkdirSync(own, { recursive: true })
    started.set(name, await start({ folder: own, signal }))
  }
  return started
}
