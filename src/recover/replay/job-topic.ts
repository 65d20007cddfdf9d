import { isHoldfastError, offset, sleep, type Clock, type Logger, type Offset } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { failureText } from '../failure.ts'
import { jobBook, type JobBook } from './job-book.ts'
import { decodeJob, encodeJob } from './job-codec.ts'
import { JOB_TOPIC, type JobRecord } from './job-record.ts'

/** The replays of a log, read as they come, and the way to say something of them. One for a process. */
export interface JobTopic {
  /** As far as it was read. */
  readonly book: JobBook
  /** Reading stopped for good, at something that this version does not know or that is damaged. */
  readonly failed: boolean
  /** Durable when it resolves. */
  append(record: JobRecord): Promise<void>
  /** Resolves when everything is read that was durable when it was called. Rejects when reading stopped for good. */
  caughtUp(): Promise<void>
  /** Resolves at the next change of the book, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>
  /** Stops reading. */
  close(): Promise<void>
}

export interface JobTopicOptions {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
}

const AT = { topic: JOB_TOPIC, partition: 0 }
const PAGE = { maxRecords: 500, maxBytes: 4 * 1024 * 1024, waitMs: 1_000 }
const RETRY_MS = 1_000

/** Makes the topic when it is not there, and begins to read. */
export async function jobTopic({ log, clock, logger }: JobTopicOptions): Promise<JobTopic> {
  await log.topics.create(JOB_TOPIC, { partitions: 1 })
  const book = jobBook()
  const life = new AbortController()
  let read = offset(0)
  let moved = Promise.withResolvers<void>()
  let broken: unknown
  let failed = false

  const tell = (): void => {
    const { resolve } = moved
    moved = Promise.withResolvers()
    resolve()
  }
  const following = follow().catch((error: unknown) => {
    broken = error
    failed = true
    if (!life.signal.aborted) logger.error({ topic: JOB_TOPIC }, `replays stand still: ${failureText(error)}`)
    tell()
  })

  async function follow(): Promise<void> {
    while (!life.signal.aborted) {
      try {
        const page = await log.read({ ...AT, offset: read }, PAGE, life.signal)
        for (const record of page.records) book.apply(decodeJob(record))
        const isNew = page.next > read
        read = page.next
        if (isNew) tell()
      } catch (error) {
        if (isHoldfastError(error) && !error.retriable) throw error
        await sleep(clock, RETRY_MS, life.signal)
      }
    }
  }

  async function next(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>()
    const abort = (): void => aborted.resolve()
    signal.addEventListener('abort', abort, { once: true })
    if (!signal.aborted) await Promise.race([moved.promise, aborted.promise])
    signal.removeEventListener('abort', abort)
  }

  return {
    book,
    get failed() {
      return failed
    },
    async append(record) {
      await log.append(JOB_TOPIC, [encodeJob(record)])
    },
    async caughtUp() {
      const { end } = await log.bounds(AT)
      while (isBehind(read, end) && !life.signal.aborted) {
        if (failed) throw broken
        await next(life.signal)
      }
    },
    changed: next,
    async close() {
      life.abort()
      await following
    },
  }
}

function isBehind(read: Offset, end: Offset): boolean {
  return read < end
}
