import { statSync } from 'node:fs'
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { HoldfastError, isHoldfastError, type Clock } from '../../event/index.ts'
import type { DiskSpace } from './disk-space.ts'
import { explained, openEnvironment, type Lmdb, type OpenMode } from './lmdb.ts'
import { ForeignWrites } from './foreign-writes.ts'
import { LmdbView } from './lmdb-view.ts'
import { Overlay, type Write } from './overlay.ts'
import type { Storage, StorageSizes, StorageTransaction, StorageView, Urgency } from './storage.ts'

export interface LmdbStorageOptions {
  readonly file: string
  readonly mode: OpenMode
  readonly clock: Clock
  readonly space: DiskSpace
  /** Largest size of the file, in bytes. */
  readonly maxBytes: number
  /** A commit that takes longer counts as failed: LMDB answers nothing when it cannot even begin one. Milliseconds. */
  readonly commitTimeoutMs: number
  /** Told how long each commit took to become durable, in milliseconds. */
  readonly committed?: ((ms: number) => void) | undefined
}

interface Job {
  readonly urgency: Urgency
  run(view: StorageView): Ran
  reject(error: unknown): void
}

/** What came of a job within the transaction: its writes and, for when they are durable, how to tell. */
interface Ran {
  readonly writes: readonly Write[]
  readonly bytes: number
  resolve(): void
}

/**
 * {@link Storage} on LMDB. One transaction of LMDB is under way at a time; what is asked for meanwhile shares the
 * next one, so one pair of syncs serves many callers.
 *
 * What a failed commit means: LMDB never overwrites a page that the last durable state uses, and writes the page that
 * names the new state last. A commit that failed for want of space changed nothing, and the next one writes all its
 * pages anew; so a full disk is survived. After any other failure nobody knows what the disk kept (Linux forgets a
 * failed sync once it was reported), so nothing is written any more and the process must end.
 */
export async function openLmdbStorage(options: LmdbStorageOptions): Promise<Storage> {
  try {
    return new LmdbStorage(await openEnvironment(options.file, options.mode), options)
  } catch (error) {
    throw explained(error)
  }
}

class LmdbStorage implements Storage {
  readonly failed: Promise<HoldfastError>
  readonly #lmdb: Lmdb
  readonly #view: LmdbView
  readonly #options: LmdbStorageOptions
  readonly #foreign: ForeignWrites
  readonly #tellFailed: (error: HoldfastError) => void
  #queue: Job[] = []
  #failure: HoldfastError | undefined
  #committing: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(lmdb: Lmdb, options: LmdbStorageOptions) {
    this.#lmdb = lmdb
    this.#view = new LmdbView(lmdb)
    this.#options = options
    this.#foreign = new ForeignWrites(options.file, options.clock, () => lmdb.lastTransaction())
    const { promise, resolve } = Promise.withResolvers<HoldfastError>()
    this.failed = promise
    this.#tellFailed = resolve
  }

  view<T>(fn: (view: StorageView) => T): T {
    if (this.#failure !== undefined) throw this.#failure // LMDB itself would answer EINVAL, or what never was durable
    if (this.#closed !== undefined) throw closed()
    this.#lmdb.refresh()
    try {
      return fn(this.#view)
    } catch (error) {
      throw explained(error)
    }
  }

  transact<T>(fn: (tx: StorageTransaction) => T, urgency: Urgency): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closed !== undefined) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      const run = (view: StorageView): Ran => {
        const tx = new Overlay(view)
        const answer = fn(tx)
        const writes = tx.writes()
        return {
          writes,
          bytes: writes.reduce((sum, write) => sum + sizeOf(write), 0),
          resolve: () => resolve(answer),
        }
      }
      this.#queue.push({ urgency, run, reject })
      this.#committing ??= this.#commitAll()
    })
  }

  watch(fn: () => void): () => void {
    return this.#foreign.watch(fn)
  }

  sizes(): StorageSizes {
    const { usedBytes, endBytes } = this.view(() => this.#lmdb.usage())
    const fileBytes = statSync(this.#options.file).size
    const reusableBytes = Math.max(0, endBytes - usedBytes)
    return { fileBytes, reusableBytes, diskFreeBytes: this.#options.space.freeBytes() }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#foreign.close()
    await this.#committing
    // A failed environment is left to the end of the process: closing would wait for what never comes.
    if (this.#failure === undefined) await this.#lmdb.close()
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0 && this.#failure === undefined) {
      await this.#commit()
      await turnOfLoop() // those who were answered ask again, and share the next commit
    }
    this.#committing = undefined
  }

  /** One transaction of LMDB for all that is asked for by the time it begins. */
  async #commit(): Promise<void> {
    const done: { readonly ran: Ran; readonly job: Job }[] = []
    let begunAt: number | undefined
    let wroteAt = 0
    let transaction = 0
    let bytes = 0
    let broken: unknown
    try {
      await this.#withinTimeout(
        this.#lmdb.transaction(() => {
          begunAt = this.#options.clock.monotonic()
          try {
            for (const job of this.#takeJobs()) {
              const ran = this.#run(job, bytes)
              if (ran === undefined) continue
              done.push({ job, ran })
              bytes += ran.bytes
              for (const write of ran.writes) this.#view.apply(write)
            }
          } catch (error) {
            broken = error // LMDB commits no transaction in which a read or a write of its own has failed
            return
          }
          transaction = this.#lmdb.thisTransaction()
          wroteAt = this.#options.clock.monotonic()
        }),
        () => begunAt,
      )
      if (broken !== undefined) throw broken
    } catch (error) {
      const cause = broken ?? (await this.#lmdb.causeOf(error))
      const refused = this.#refusal(cause, bytes)
      for (const { job } of done) job.reject(refused)
      return
    }
    if (bytes > 0) {
      this.#options.committed?.(this.#options.clock.monotonic() - wroteAt)
      this.#foreign.ownTransaction(transaction)
    }
    for (const { ran } of done) ran.resolve()
  }

  /** The first jobs of one urgency: an append for which there is no room must not take a commit of a group with it. */
  #takeJobs(): readonly Job[] {
    const first = this.#queue[0]?.urgency
    const end = this.#queue.findIndex(job => job.urgency !== first)
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end)
  }

  /** Undefined when it threw or has no room; its caller was told. Throws what LMDB itself has met. */
  #run(job: Job, before: number): Ran | undefined {
    let ran: Ran
    try {
      ran = job.run(this.#view)
      if (ran.bytes > 0) this.#checkRoom(job.urgency, before + ran.bytes)
    } catch (error) {
      const told = explained(error)
      job.reject(told)
      if (told !== error) throw told
      return undefined
    }
    return ran
  }

  #checkRoom(urgency: Urgency, bytes: number): void {
    const { space, maxBytes } = this.#options
    if (urgency === 'urgent') {
      space.makeRoomFor(bytes)
      return
    }
    const free = space.freeBytes()
    const usage = this.#lmdb.endBytes()
    const grows = bytes * 2 + GROWTH_BYTES // pages are rounded up, and their parents are written too
    if (free - grows >= space.minFreeBytes && usage + grows <= maxBytes) return
    const { usedBytes, endBytes } = this.#lmdb.usage()
    // Room inside the file counts too. It may be scattered, or wait for readers, and then the file grows all the same:
    // half of what is to be kept free is given to that, and no more.
    if (endBytes - usedBytes >= grows * 2 && free - grows >= space.minFreeBytes / 2 && usage <= maxBytes)
      return
    throw full(
      free - grows < space.minFreeBytes
        ? `the disk has ${free} bytes left, and ${space.minFreeBytes} are kept free`
        : `the log has ${usage} bytes, and maxBytes is ${maxBytes}`,
      { diskFreeBytes: free, logBytes: usage },
    )
  }

  /** Turns the cause of a failed commit into what its callers get; all but a full disk ends this storage. */
  #refusal(cause: unknown, bytes: number): HoldfastError {
    const code = codeOf(cause)
    const free = this.#options.space.freeBytes()
    // A write that found room for a part only comes back as EIO, like a broken disk: then the disk is full now.
    const noRoom = FULL.has(code) || (code === EIO && free < bytes * 2 + GROWTH_BYTES)
    if (noRoom)
      return full(`a commit of ${bytes} bytes found no room on the disk`, { diskFreeBytes: free }, cause)
    const found = explained(cause)
    const failure = new HoldfastError(isHoldfastError(found, 'LOG_CORRUPT') ? 'LOG_CORRUPT' : 'LOG_FAILED', {
      detail: `a commit of ${bytes} bytes to ${this.#options.file} failed (${found instanceof Error ? found.message : String(found)})`,
      cause,
    })
    this.#failure = failure
    for (const job of this.#queue.splice(0)) job.reject(failure)
    this.#tellFailed(failure)
    return failure
  }

  /**
   * Waits for a commit. One that has begun and does not end has failed. One that has not begun waits for LMDB's lock,
   * which another process has, stopped perhaps in the middle of a write. Nothing of ours is written before it begins,
   * since it takes its jobs then: so those that waited too long are told that they are not stored, and the commit goes
   * on with later ones when the lock is free.
   */
  async #withinTimeout(commit: Promise<unknown>, begunAt: () => number | undefined): Promise<void> {
    const { clock, commitTimeoutMs } = this.#options
    for (;;) {
      const since = begunAt()
      const ms =
        since === undefined
          ? Math.min(LOCK_WAIT_MS, commitTimeoutMs)
          : since + commitTimeoutMs - clock.monotonic()
      if (await endsWithin(commit, ms, clock)) return
      const begun = begunAt() !== undefined
      if (since !== undefined || (!begun && this.#closed !== undefined))
        throw new Error(`it did not end within ${commitTimeoutMs} ms`)
      if (begun) continue // its own time begins with it
      const stalled = new HoldfastError('LOG_STALLED', {
        detail: `the lock of ${this.#options.file} is held`,
      })
      for (const job of this.#queue.splice(0)) job.reject(stalled)
    }
  }
}

/** How long one waits for the lock before the answer is "not stored": less than a sender waits for its answer. */
const LOCK_WAIT_MS = 10_000

async function endsWithin(work: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const cancel = clock.after(Math.max(0, ms), () => resolve(false))
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    cancel()
  }
}

/** What a commit may write beside the values: parents of pages, the list of free pages. */
const GROWTH_BYTES = 256 * 1024
const EIO = 5
/** ENOSPC, EDQUOT, MDB_MAP_FULL. */
const FULL: ReadonlySet<unknown> = new Set([28, 122, -30792])

function sizeOf(write: Write): number {
  switch (write.kind) {
    case 'put-chunk':
      return write.bytes.length
    case 'put-row':
      return write.key.length + write.value.length
    default:
      return 1
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

function full(detail: string, facts: Record<string, unknown>, cause?: unknown): HoldfastError {
  return new HoldfastError('LOG_FULL', { detail, facts, ...(cause === undefined ? {} : { cause }) })
}

function closed(): HoldfastError {
  return new HoldfastError('LOG_CLOSED', { detail: 'the log was closed before' })
}
