import type { Offset, TopicPartition } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'

/**
 * How far the log has what is in the spool, durably: as the positions of a group without members. What is before them is
 * deleted. Saves of all lanes that are asked for while one is under way share the next one.
 */
export class Cursors {
  readonly #storage: LogSystem
  #wanted: Save[] = []
  #running: Promise<void> | undefined

  constructor(storage: LogSystem) {
    this.#storage = storage
  }

  /** By partition; one that was never saved is left out. */
  async saved(): Promise<readonly (TopicPartition & { readonly offset: Offset })[]> {
    return await this.#storage.groups.committed(GROUP)
  }

  /** `done` is told whether it is durable. One save of a partition at a time. */
  save(at: TopicPartition, cursor: Offset, done: (error: unknown) => void): void {
    this.#wanted.push({ position: { ...at, offset: cursor }, done })
    this.#running ??= this.#run()
  }

  /** Resolves when everything asked for is done. */
  async drain(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#wanted.length > 0) {
      const saves = this.#wanted.splice(0)
      const positions = saves.map(({ position }) => position)
      const failure: unknown = await this.#storage.groups.move(GROUP, positions).then(
        () => undefined,
        (error: unknown) => error ?? new Error('not saved'),
      )
      for (const save of saves) save.done(failure)
      if (failure !== undefined) continue
      // Room is given back when there is nothing more urgent; what fails is deleted with what comes next.
      for (const position of positions) await this.#storage.log.deleteRecords(position).catch(() => {})
    }
    this.#running = undefined
  }
}

interface Save {
  readonly position: TopicPartition & { readonly offset: Offset }
  done(error: unknown): void
}

const GROUP = 'drain'
