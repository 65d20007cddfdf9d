import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stopSignals } from 'holdfast/server'
import type { Target } from '../contract/arm.ts'
import { k6Script } from '../load/k6-script.ts'
import { loadTable } from '../load/load-table.ts'
import { startLoad } from '../load/start-load.ts'
import { exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

/** Where a load goes and what it looks like. */
export interface TargetOptions {
  readonly target: string
  readonly key?: string
  readonly header: readonly string[]
  readonly type: string
  readonly body?: string
  readonly data: string
}

export interface LoadOptions extends TargetOptions {
  readonly rate: number
  readonly duration: number
  readonly keys: number
  readonly zipf: number
  readonly timeout: number
  readonly maxInFlight: number
  readonly attempts: number
  readonly threads?: number
  readonly seed: number
  readonly ledger?: string
  readonly k6?: boolean
}

/** `holdfast load`: sends, prints the table, and answers the exit code; with `--k6` it prints the script and sends nothing. */
export async function loadCommand(options: LoadOptions, now: () => number, io: CliIo): Promise<number> {
  const target = targetOf(options)
  const plan = {
    phases: [{ name: 'load', seconds: options.duration, rate: options.rate }],
    keys: options.keys,
    timeoutMs: options.timeout * 1000,
    maxInFlight: options.maxInFlight,
  }
  if (options.k6) {
    io.out(k6Script(target, plan))
    return exitCode.ok
  }
  const folder = options.ledger ?? mkdtempSync(path.join(tmpdir(), 'holdfast-load-'))
  const signals = stopSignals()
  const ending = new AbortController()
  void signals.first.then(() => ending.abort())
  try {
    const load = await startLoad({
      schedule: {
        ...plan,
        zipf: options.zipf,
        seed: options.seed,
        // A second load on the same log is another one, and not a duplicate of the first.
        run: `load-${now().toString(36)}`,
        target,
        poison: [],
      },
      target: { ...target, attempts: options.attempts },
      timeoutMs: plan.timeoutMs,
      maxInFlight: plan.maxInFlight,
      folder,
      signal: ending.signal,
      ...(options.threads !== undefined && { threads: options.threads }),
    })
    io.err(`sending ${options.rate} events a second for ${options.duration} s to ${options.target}\n`)
    await load.finished
    io.out(loadTable(load.tally))
    io.err(`ledger      ${folder}\n`)
    if (ending.signal.aborted) return exitCode.interrupted
    const { accepted, planned } = load.tally.sums
    return accepted === planned ? exitCode.ok : exitCode.failed
  } finally {
    signals.release()
  }
}

export function targetOf(options: TargetOptions): Omit<Target, 'attempts'> {
  return {
    url: options.target,
    headers: headersOf(options),
    body: options.body ?? `{"type":${JSON.stringify(options.type)},"id":"{id}","data":{data}}`,
    data: options.data,
  }
}

function headersOf({ key, header }: TargetOptions): Record<string, string> {
  const pairs = header.map(text => {
    const at = text.indexOf(':')
    return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()] as const
  })
  return { ...(key !== undefined && { 'x-api-key': key }), ...Object.fromEntries(pairs) }
}
