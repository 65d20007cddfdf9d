import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { Worker } from 'node:worker_threads'
import { parseLedger, type Ledger } from 'holdfast/testing'
import type { Target } from '../contract/arm.ts'
import type { FromWorker, ToWorker } from './batch.ts'
import { plannedEvents, type Schedule } from './schedule.ts'
import { LoadTally } from './tally.ts'

export interface LoadOptions {
  readonly schedule: Schedule
  readonly target: Pick<Target, 'url' | 'headers' | 'attempts'>
  /** A request without an answer for so long is given up, milliseconds. */
  readonly timeoutMs: number
  /** Requests under way at once, over all threads. */
  readonly maxInFlight: number
  /** Gets one ledger for each thread, `0.jsonl` and so on. */
  readonly folder: string
  /** Threads; two of them send the same events as one. Defaults to one for each 1,500 events a second, at most 4. */
  readonly threads?: number
  /** Ends the load early: what is under way is cut, what is due later is unsent. */
  readonly signal: AbortSignal
}

export interface RunningLoad {
  /** Counts while it runs; complete when `finished` has resolved. */
  readonly tally: LoadTally
  /** Seconds since the schedule began; negative in the moment before. */
  seconds(): number
  /** Everything is answered or given up. Rejects when a thread of the load fails: the run proves nothing then. */
  readonly finished: Promise<void>
  /** What is on disk, read whole: for loads whose events fit in memory several times. */
  ledger(): Ledger
}

/** From here to the first event: every thread has the start before it comes. */
const LEAD_MS = 100
const RATE_OF_A_THREAD = 1_500
const MOST_THREADS = 4

/**
 * Starts an open loop: the schedule is fixed in advance and nothing that the server does moves it, so a stall of two
 * seconds is seen by every event that was due in it. Resolves when all threads know when it begins.
 */
export async function startLoad(options: LoadOptions): Promise<RunningLoad> {
  const { schedule, target, timeoutMs, folder, signal } = options
  const of = options.threads ?? threadsFor(schedule)
  const maxInFlight = Math.ceil(options.maxInFlight / of)
  mkdirSync(folder, { recursive: true })
  const tally = new LoadTally(schedule.phases)
  const files = Array.from({ length: of }, (_, index) => join(folder, `${index}.jsonl`))
  const threads = files.map((ledger, index) =>
    startThread({ schedule, target, timeoutMs, maxInFlight, ledger, share: { index, of } }, tally),
  )
  const say = (message: ToWorker): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    for (const { worker } of threads) worker.postMessage(message)
  }
  await Promise.all(threads.map(({ ready }) => ready))
  const startAt = monotonic() + LEAD_MS
  say({ kind: 'start', startAt })
  const stop = (): void => say({ kind: 'stop' })
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return {
    tally,
    seconds: () => (monotonic() - startAt) / 1000,
    finished: Promise.all(threads.map(({ finished }) => finished))
      .then(() => {})
      .finally(() => signal.removeEventListener('abort', stop)),
    ledger: () => mergeLedgers(files.map(file => parseLedger(readFileSync(file, 'utf8')))),
  }
}

function threadsFor({ phases }: Schedule): number {
  const peak = Math.max(...phases.map(({ rate }) => rate))
  return Math.min(MOST_THREADS, Math.max(1, Math.ceil(peak / RATE_OF_A_THREAD)), plannedEvents(phases))
}

function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

interface Thread {
  readonly worker: Worker
  readonly ready: Promise<void>
  readonly finished: Promise<void>
}

function startThread(workerData: object, tally: LoadTally): Thread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  const ready = Promise.withResolvers<void>()
  const finished = Promise.withResolvers<void>()
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'ready') ready.resolve()
    else if (message.kind === 'finished') finished.resolve()
    else tally.add(message.batch)
  })
  const fail = (error: Error): void => {
    ready.reject(error)
    finished.reject(error)
  }
  worker.on('error', fail)
  worker.on('exit', code => fail(new Error(`a thread of the load ended with ${code}`)))
  // Whoever started the load waits for `ready` first, and for `finished` only then.
  finished.promise.catch(() => {})
  return { worker, ready: ready.promise, finished: finished.promise }
}

/** The ledgers of several threads as one. No event is in two of them. */
function mergeLedgers(ledgers: readonly Ledger[]): Ledger {
  return {
    planned: ledgers.reduce((sum, { planned }) => sum + planned, 0),
    entries: new Map(ledgers.flatMap(({ entries }) => [...entries])),
    problems: ledgers.flatMap(({ problems }) => problems),
  }
}
