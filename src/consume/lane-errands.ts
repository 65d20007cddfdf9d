import type { HoldfastError, LogRecord, Offset } from '../event/index.ts'
import {
  encodeNote,
  type Effect,
  type Input,
  type LaneLetters,
  type Letter,
  type RunEvent,
} from '../recover/lane/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { EventBytes } from './event-bytes.ts'
import { finished } from './finished.ts'
import type { Generations } from './generations.ts'
import type { DeathReason, GroupContext, Task } from './group-context.ts'
import type { Persistence } from './persistence.ts'
import { readEvent } from './read-event.ts'
import { parkedTask } from './task.ts'
import { wasApplied } from './was-applied.ts'

/** What the machine asks for, takes a while, and is answered by one input. */
export type Errand = Extract<Effect, { kind: 'check' | 'letter' | 'look-up' | 'commit' }>

export interface LaneErrandsOptions {
  readonly context: GroupContext
  readonly topic: AnyTopic
  readonly generations: Generations
  readonly bytes: EventBytes
  readonly letters: LaneLetters
  readonly persistence: Persistence
  /** Work in the database is cut off. */
  readonly work: AbortSignal
  /** See {@link PartitionOwnerOptions}. */
  store(position: Offset, note: string): Promise<boolean>
  fenced(): void
  /** An event is there of which nobody here can know what it means. */
  halted(reason: string): void
}

const troubles: Readonly<Record<Errand['kind'], string>> = {
  check: 'an event could not be looked up in the inbox',
  letter: 'a dead letter could not be written: the partition waits',
  'look-up': 'a dead letter could not be read',
  commit: 'a commit failed',
}

/** Does what the machine of a lane asks for outside of it, until it succeeds: nothing passes it by meanwhile. */
export class LaneErrands {
  readonly #o: LaneErrandsOptions
  /** Events whose handlers never came back. */
  readonly #stuck = new Map<Offset, HoldfastError>()

  constructor(options: LaneErrandsOptions) {
    this.#o = options
  }

  /** Its answer; undefined at the end of the owner. */
  run(errand: Errand): Promise<Input | undefined> {
    return this.#o.persistence.until(troubles[errand.kind], () => this.#try(errand))
  }

  /** An event that waits in the lane. Undefined at the end of the owner, and where the partition must stop at it. */
  async load(event: RunEvent): Promise<Task | undefined> {
    const { persistence, bytes, topic, context } = this.#o
    const record = await persistence.until('an event could not be read for its retry', () =>
      bytes.of(event.origin, event.body),
    )
    if (!record) return undefined
    const reading = readEvent(record, topic, context.settings)
    if (reading.kind !== 'pause') return parkedTask(record, reading, event)
    this.#o.halted(reading.reason)
    return undefined
  }

  /** The process ends with this error once the letter of the event is written. */
  stuck(origin: Offset, error: HoldfastError): void {
    this.#stuck.set(origin, error)
  }

  async #try(errand: Errand): Promise<Input | undefined> {
    switch (errand.kind) {
      case 'check':
        return this.#check(errand)
      case 'letter':
        await this.#write(errand.letter)
        return { kind: 'written', ref: errand.ref }
      case 'look-up': {
        const letter = await this.#o.letters.find(errand.origin, errand.generation)
        return { kind: 'looked-up', ref: errand.ref, letter }
      }
      case 'commit': {
        const accepted = await this.#o.store(errand.main, encodeNote(errand.note))
        return { kind: accepted ? 'committed' : 'refused' }
      }
    }
  }

  async #check({ event, ref }: Extract<Errand, { kind: 'check' }>): Promise<Input | undefined> {
    const { context, generations, work, persistence } = this.#o
    const task = await this.load(event)
    const applied = task ? await wasApplied(task, context, generations.lease(event.origin), work) : 'unknown'
    if (applied === 'fenced') {
      this.#o.fenced()
      return undefined
    }
    if (applied === 'unknown') await persistence.pause()
    return { kind: 'checked', ref, applied: applied === 'unknown' ? undefined : applied }
  }

  async #write(letter: Letter): Promise<void> {
    const { bytes, letters } = this.#o
    const died = letter.death && (await bytes.of(letter.origin, letter.death.body))
    await letters.write(letter, died)
    this.#replayed(letter)
    if (died) this.#died(letter, died)
  }

  #replayed({ change }: Letter): void {
    const { observer, settings } = this.#o.context
    const of = { topic: this.#o.topic.name, group: settings.group }
    if (change.kind === 'resolved') observer.replayed?.({ ...of, result: 'ok' })
    if (change.kind === 'died' && change.round > 0) observer.replayed?.({ ...of, result: 'dead_lettered' })
  }

  #died({ origin, death }: Letter, record: LogRecord): void {
    const { observer, settings, logger, fatal } = this.#o.context
    const { topic, partition } = record
    const { group } = settings
    const { attempts, last, final } = death?.state ?? { attempts: 0, last: undefined, final: undefined }
    const reason = (final ?? 'attempts') as DeathReason
    finished(this.#o.context, { record, attempts, lastError: last?.message }, 'dead_lettered')
    observer.deadLettered?.({ topic, group, reason })
    const facts = { group, topic, partition, offset: String(origin), reason, error: last?.message }
    logger.warn(facts, 'event is a dead letter now')
    const stuck = this.#stuck.get(origin)
    if (stuck) fatal(stuck)
  }
}
