import { watch } from 'node:fs'
import type { Clock } from '../../event/index.ts'

/**
 * Notices that another process has written, by a watch on the file and a poll behind it. Transactions are numbered one
 * after the other, so those of this process are told apart and wake nobody.
 */
export class ForeignWrites {
  readonly #file: string
  readonly #clock: Clock
  readonly #lastTransaction: () => number
  readonly #listeners = new Set<() => void>()
  #seen: number
  #stop: (() => void) | undefined

  constructor(file: string, clock: Clock, lastTransaction: () => number) {
    this.#file = file
    this.#clock = clock
    this.#lastTransaction = lastTransaction
    this.#seen = lastTransaction()
  }

  /** Calls `fn` after each write of another process, sometimes late, sometimes for nothing. The answer ends it. */
  watch(fn: () => void): () => void {
    this.#listeners.add(fn)
    this.#stop ??= this.#start()
    return () => {
      this.#listeners.delete(fn)
      if (this.#listeners.size === 0) this.close()
    }
  }

  /** A number was left out: it was another process's. */
  ownTransaction(number: number): void {
    const left = number > this.#seen + 1
    this.#seen = Math.max(this.#seen, number)
    if (left) this.#tell()
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  #look(): void {
    const last = this.#lastTransaction()
    if (last <= this.#seen) return
    this.#seen = last
    this.#tell()
  }

  #tell(): void {
    for (const fn of this.#listeners) fn()
  }

  #start(): () => void {
    let cancelPoll = this.#clock.after(POLL_MS, () => poll())
    const poll = (): void => {
      this.#look()
      cancelPoll = this.#clock.after(POLL_MS, poll)
    }
    const closeWatch = watchFile(this.#file, () => this.#look())
    return () => {
      cancelPoll()
      closeWatch()
    }
  }
}

/** File systems without change events, such as NFS, are served by this alone. */
const POLL_MS = 100

function watchFile(file: string, fn: () => void): () => void {
  try {
    const watcher = watch(file, { persistent: false }, fn)
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return () => {} // the system has no more watches to give: the poll does it
  }
}
