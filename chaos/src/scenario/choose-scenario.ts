import { existsSync } from 'node:fs'
import { HoldfastError } from 'holdfast'
import type { CheckPlan, FaultPlan, Scenario, ScenarioArm } from '../contract/scenario.ts'
import { builtIns } from './built-in.ts'
import { checkScenario, type Known } from './check-scenario.ts'
import { readScenario } from './read-scenario.ts'

/** What a command line changes in a scenario. Seconds. */
export interface Changes {
  /** Everything in proportion, so that the load takes this long. */
  readonly duration?: number
  readonly arms?: readonly string[]
  /** Of every phase; where they differ, of the busiest, and the others in proportion. */
  readonly rate?: number
  readonly fault?: PostgresFault
  readonly faultAt?: number
  readonly faultFor?: number
  /** `ARM: EXPRESSION`, or an expression that every arm must fulfil. They replace the checks of the scenario. */
  readonly asserts?: readonly string[]
}

export const postgresFaults = ['kill', 'stop', 'reset', 'slow', 'disk-full'] as const
type PostgresFault = (typeof postgresFaults)[number]

type Unchecked = Omit<Scenario, 'checks'>

/** A built-in scenario or one from a file, with changes. Throws `CONFIG_INVALID`. */
export function chooseScenario(nameOrFile: string, changes: Changes, known: Known): Scenario {
  const builtIn = Object.hasOwn(builtIns, nameOrFile) ? builtIns[nameOrFile] : undefined
  if (!builtIn && !existsSync(nameOrFile)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `there is neither a scenario nor a file ${nameOrFile}; scenarios are ${Object.keys(builtIns).join(', ')}`,
    })
  }
  const given = builtIn?.scenario ?? readScenario(nameOrFile, known)
  const changed = change(given, changes)
  const declared = builtIn ? builtIn.checks(changed) : (given as Scenario).checks
  const scenario = { ...changed, checks: checksOf(declared, changed.arms, changes.asserts) }
  const problems = checkScenario(scenario, known)
  if (problems.length > 0) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`).join('; '),
    })
  }
  return scenario
}

function change(scenario: Unchecked, changes: Changes): Unchecked {
  const { phases } = scenario.load
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0)
  const longer = (changes.duration ?? total) / total
  const peak = Math.max(...phases.map(({ rate }) => rate))
  const faster = (changes.rate ?? peak) / peak
  const { sinkRowsPerSecond } = scenario
  return {
    ...scenario,
    arms: changes.arms?.map(name => armNamed(scenario, name)) ?? scenario.arms,
    load: {
      ...scenario.load,
      phases: phases.map(({ name, seconds, rate }) => ({
        name,
        seconds: seconds * longer,
        rate: rate * faster,
      })),
    },
    faults: faultsOf(scenario.faults, longer, changes),
    ...(sinkRowsPerSecond !== undefined && { sinkRowsPerSecond: Math.ceil(sinkRowsPerSecond * faster) }),
  }
}

function armNamed({ arms }: Unchecked, name: string): ScenarioArm {
  return arms.find(({ as }) => as === name) ?? { arm: name, as: name, flags: [] }
}

/** The first fault of the database is the one that the options mean; without one they make it. */
function faultsOf(
  faults: readonly FaultPlan[],
  longer: number,
  { fault, faultAt, faultFor }: Changes,
): FaultPlan[] {
  const scaled = faults.map(plan => ({ ...plan, at: plan.at * longer, for: plan.for * longer }))
  if (fault === undefined && faultAt === undefined && faultFor === undefined) return scaled
  const index = scaled.findIndex(({ target }) => target === 'postgres')
  const before = scaled[index]
  if (!before && (fault === undefined || faultAt === undefined || faultFor === undefined)) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail:
        'this scenario has no fault of the database; --fault, --fault-at and --fault-for together make one',
    })
  }
  const made: FaultPlan = {
    target: 'postgres',
    fault: fault ?? (before?.target === 'postgres' ? before.fault : 'kill'),
    at: faultAt ?? before?.at ?? 0,
    for: faultFor ?? before?.for ?? 0,
  }
  return before ? scaled.with(index, made) : [...scaled, made]
}

function checksOf(
  declared: readonly CheckPlan[],
  arms: readonly ScenarioArm[],
  asserts: readonly string[] | undefined,
): CheckPlan[] {
  if (!asserts) return declared.filter(({ arm }) => arms.some(({ as }) => as === arm))
  const because = 'asked for on the command line'
  return asserts.flatMap(text => {
    const [, arm, expression = ''] = /^([a-z0-9-]+):\s*(.+)$/.exec(text) ?? []
    return arm === undefined
      ? arms.map(({ as }) => ({ arm: as, expression: text, because }))
      : [{ arm, expression, because }]
  })
}
