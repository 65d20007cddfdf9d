import { ownService } from '../arms/own-service/arm.ts'
import type { Scenario } from '../contract/scenario.ts'
import { databaseOfOthers } from '../faults/database-of-others.ts'
import type { CliIo } from './io.ts'
import { targetOf, type TargetOptions } from './load-command.ts'
import { carryOut, type OutputOptions } from './run-command.ts'

export interface OwnOptions extends TargetOptions, OutputOptions {
  readonly postgres: string
  readonly query: string
  readonly rate: number
  readonly duration: number
  readonly keys: number
  readonly timeout: number
  readonly attempts: number
}

/** `holdfast chaos own`: a service that runs already under load, and the audit of its rows; answers the exit code. */
export async function ownCommand(options: OwnOptions, args: readonly string[], io: CliIo): Promise<number> {
  const { postgres: databaseUrl, query, attempts, seed, json, report, live } = options
  const arm = ownService({ target: { ...targetOf(options), attempts }, databaseUrl, query })
  const database = await databaseOfOthers(databaseUrl)
  const known = { arms: [arm], dependencies: {} }
  return await carryOut(
    { scenario: scenarioOf(options), known, database, seed, json, report, live },
    args,
    io,
  )
}

function scenarioOf({ target, rate, duration, keys, timeout }: OwnOptions): Scenario {
  const check = (expression: string, because: string) => ({ arm: 'own', expression, because })
  return {
    name: 'own',
    title: `${target} at ${rate} events a second`,
    hypothesis: 'Every event that was accepted has one row, unchanged, whatever happens meanwhile.',
    arms: [{ arm: 'own', as: 'own', flags: [] }],
    load: {
      phases: [{ name: 'load', seconds: duration, rate }],
      keys,
      zipf: 0,
      timeoutMs: timeout * 1_000,
      maxInFlight: 2_000,
    },
    // Who runs the service makes them: nothing is stopped here that was not started here.
    faults: [],
    checks: [
      check('lost == 0', 'what was accepted was promised'),
      check('doubled == 0', 'an event counts once'),
      check('ghosts == 0', 'what was refused for certain, or never sent, has no row'),
      check('altered == 0', 'the row holds what was sent'),
    ],
    drainSeconds: 120,
    mode: 'sequence',
  }
}
