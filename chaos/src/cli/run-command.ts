import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { stopSignals, type StopSignals } from 'holdfast/server'
import { arms, dependencies } from '../arms/index.ts'
import type { Progress } from '../contract/progress.ts'
import type { Result } from '../contract/result.ts'
import type { Scenario } from '../contract/scenario.ts'
import type { FaultedDatabase } from '../faults/database.ts'
import { startLivePage } from '../live/start-live-page.ts'
import { writeReport } from '../report/write-report.ts'
import { runExperiment } from '../run/run-experiment.ts'
import type { KnownArms } from '../run/start-dependencies.ts'
import { chooseScenario, type Changes } from '../scenario/choose-scenario.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { progressLines } from './progress-lines.ts'
import { verdict } from './verdict.ts'

/** How a run is shown, where its result goes, and what chooses the keys. */
export interface OutputOptions {
  readonly json?: string | undefined
  readonly report?: string | undefined
  readonly live?: boolean | undefined
  readonly seed: number
}

export interface RunOptions extends Omit<Changes, 'asserts'>, OutputOptions {
  readonly quick?: boolean
  readonly assert?: readonly string[]
  readonly postgres?: string
}

/** Everything that takes longer than a coffee is left for the long form. */
const QUICK_SECONDS = 45

/** `holdfast chaos run`: answers the exit code. */
export async function runCommand(
  name: string,
  options: RunOptions,
  args: readonly string[],
  io: CliIo,
): Promise<number> {
  const known: KnownArms = { arms: Object.values(arms), dependencies }
  const { quick, assert: asserts, postgres, json, report, live, seed, ...changes } = options
  const scenario = chooseScenario(
    name,
    { ...(quick && { duration: QUICK_SECONDS }), ...changes, ...(asserts && { asserts }) },
    { arms: known.arms, dependencies: Object.keys(known.dependencies) },
  )
  return await carryOut({ scenario, known, seed, postgres, json, report, live }, args, io)
}

interface Order extends OutputOptions {
  readonly scenario: Scenario
  readonly known: KnownArms
  /** Address of a server of others. */
  readonly postgres?: string | undefined
  /** Instead of one that is started or made. */
  readonly database?: FaultedDatabase
}

/** Runs, writes and prints everything that a run leaves; answers the exit code. */
export async function carryOut(
  { scenario, known, seed, postgres, database, json, report, live }: Order,
  args: readonly string[],
  io: CliIo,
): Promise<number> {
  const startedAt = new Date()
  const id = `${startedAt.toISOString().slice(0, 19).replaceAll(':', '-')}-${scenario.name}`
  const home = runsFolder(io.env)
  const folder = path.join(home, id)
  const lines = progressLines()
  const page = live ? await startLivePage() : undefined
  if (page) io.err(`watch it at ${page.url}\n`)
  const signals = stopSignals()
  try {
    const result = await interruptible(signals, io, signal =>
      runExperiment({
        scenario,
        known,
        seed,
        command: commandOf(args, seed),
        id,
        folder,
        postgresFolder: path.join(home, 'postgres'),
        ...(postgres !== undefined && { postgresUrl: postgres }),
        ...(database !== undefined && { database }),
        progress: (progress: Progress) => {
          page?.publish(progress)
          const line = lines(progress)
          if (line !== undefined) io.err(line)
        },
        now: Date.now,
        signal,
      }),
    )
    if (result === undefined) return exitCode.interrupted
    await tell(result, { folder, json, report }, io)
    if (page && process.stdout.isTTY && !result.partial) {
      io.err(`\n  ${page.url} stays until Ctrl-C\n`)
      await signals.first
    }
    return exitCodeOf(result)
  } finally {
    signals.release()
    await page?.close()
  }
}

/** Writes the report and says what was found and where it is. */
async function tell(
  result: Result,
  {
    folder,
    json,
    report,
  }: { readonly folder: string; readonly json: string | undefined; readonly report: string | undefined },
  io: CliIo,
): Promise<void> {
  const page = report ?? path.join(folder, 'report.html')
  await writeReport(result, page)
  if (json !== undefined) {
    mkdirSync(path.dirname(path.resolve(json)), { recursive: true })
    writeFileSync(json, `${JSON.stringify(result, null, 1)}\n`)
  }
  io.out(verdict(result))
  io.err(`\n  report   ${shown(page)}\n  result   ${shown(json ?? path.join(folder, 'result.json'))}\n`)
  io.err(`  events   ${shown(path.join(folder, 'events.ndjson'))}\n  again    ${result.command}\n`)
}

/** Where runs are kept, one folder each. */
export function runsFolder(env: CliIo['env']): string {
  return path.join(env['HOLDFAST_DATA'] ?? '.holdfast', 'chaos')
}

/** The first Ctrl-C ends the run early with what is known; the second ends everything at once. */
async function interruptible(
  { first, second }: StopSignals,
  io: CliIo,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  const ending = new AbortController()
  let ended = false
  void first.then(name => {
    if (!ended) io.err(`\n${name}: stopping what was started; what is known so far is kept\n`)
    ending.abort()
  })
  try {
    return await Promise.race([run(ending.signal), second.then(() => undefined)])
  } finally {
    ended = true
  }
}

function commandOf(args: readonly string[], seed: number): string {
  const quoted = args.map(arg => (/^[\w./:@=,-]+$/.test(arg) ? arg : `'${arg}'`))
  return ['holdfast', ...quoted, ...(args.includes('--seed') ? [] : ['--seed', String(seed)])].join(' ')
}

function shown(file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative.startsWith('..') ? path.resolve(file) : relative
}
