/** One thread of the load generator: an open loop, whose report goes to the parent five times a second. */
import process from 'node:process'
import { setInterval } from 'node:timers'
import { parentPort, workerData } from 'node:worker_threads'
import { openLoop, type OpenLoop } from './open-loop.ts'
import { outcomes, type Batch, type FromWorker, type ToWorker } from './batch.ts'

const REPORT_MS = 200

const port = parentPort
if (!port) throw new Error('this file is a worker')
const stopping = new AbortController()
let ended: number[] = []
let answers: Record<string, number> = {}
let behindMs = 0

const post = (message: FromWorker): void => port.postMessage(message)
const flush = (): void => {
  const batch: Batch = { ended: Float64Array.from(ended), answers, behindMs }
  ended = []
  answers = {}
  post({ kind: 'batch', batch })
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') stopping.abort()
  else void run(message.startAt)
})
post({ kind: 'ready' })

async function run(startAt: number): Promise<void> {
  const reporting = setInterval(flush, REPORT_MS)
  await openLoop({
    ...(workerData as Omit<OpenLoop, 'now' | 'startAt' | 'signal' | 'report'>),
    // Not performance.now(): each thread counts that from its own start.
    now: () => Number(process.hrtime.bigint()) / 1e6,
    startAt,
    signal: stopping.signal,
    report: {
      sending: behind => void (behindMs = Math.max(behindMs, behind)),
      attempted: why => void (answers[why] = (answers[why] ?? 0) + 1),
      ended: (n, outcome, ms, attempts) => void ended.push(n, outcomes.indexOf(outcome), ms, attempts),
    },
  })
  clearInterval(reporting)
  flush()
  post({ kind: 'finished' })
  port?.close()
}
