/** What the tests of the runner share: a scenario in a folder of its own, and what it found. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, onTestFinished } from 'vitest'
import { childrenOf } from '../../../src/server/processes.ts'
import { arms, dependencies } from '../arms/index.ts'
import type { Progress } from '../contract/progress.ts'
import type { ArmResult, Result } from '../contract/result.ts'
import type { Scenario, ScenarioArm } from '../contract/scenario.ts'
import { chooseScenario, type Changes } from '../scenario/choose-scenario.ts'
import { runExperiment } from './run-experiment.ts'
import type { KnownArms } from './start-dependencies.ts'

const known: KnownArms = { arms: Object.values(arms), dependencies }

/** One cluster for all tests of a file: making one takes longer than most of them. */
const postgresFolder = mkdtempSync(path.join(tmpdir(), 'holdfast-chaos-pg-'))
afterAll(() => rmSync(postgresFolder, { recursive: true, force: true }))

/** A scenario as the command would run it. */
export function scenarioOf(name: string, changes: Changes): Scenario {
  return chooseScenario(name, changes, { arms: known.arms, dependencies: Object.keys(dependencies) })
}

export interface Experiment {
  readonly result: Result
  readonly arm: (name: string) => ArmResult
  /** The lines of events.ndjson. */
  readonly events: readonly EventLine[]
  readonly progress: readonly Progress[]
  /** Children of this process that were not there before. */
  readonly left: readonly number[]
}

export interface EventLine {
  readonly arm: string
  readonly id: string
  readonly key: string
  readonly outcome: string
  readonly ended: readonly string[]
}

export async function experiment(scenario: Scenario, seed = 7): Promise<Experiment> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-chaos-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const before = new Set(childrenOf(process.pid))
  const progress: Progress[] = []
  const result = await runExperiment({
    scenario,
    known,
    seed,
    command: 'a test',
    id: 'test',
    folder,
    postgresFolder,
    progress: one => void progress.push(one),
    now: Date.now,
    signal: new AbortController().signal,
  })
  const lines = readFileSync(path.join(folder, 'events.ndjson'), 'utf8').trim().split('\n')
  return {
    result,
    arm(name) {
      const found = result.arms.find(arm => arm.name === name)
      if (!found) throw new Error(`${name} did not run`)
      return found
    },
    events: lines.map(line => JSON.parse(line) as EventLine),
    progress,
    left: childrenOf(process.pid).filter(pid => !before.has(pid)),
  }
}

export function arm(name: string, as: string = name, flags: readonly string[] = []): ScenarioArm {
  return { arm: name, as, flags }
}
