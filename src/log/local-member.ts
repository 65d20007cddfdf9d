import { partitionId, type Logger } from '../event/index.ts'
import type { OwnerRow } from './group-rows.ts'
import type { Member, OwnedPartition } from './port.ts'

/** What a look at the store means for one member. */
export interface Changes {
  readonly lost: readonly OwnedPartition[]
  readonly assigned: readonly OwnedPartition[]
  readonly revoking: readonly OwnedPartition[]
  /** Asked for elsewhere before this member ever heard of them. */
  readonly unused: readonly OwnerRow[]
}

/** A member of this process: what it was told that it owns. Touched only by the one beat that runs at a time. */
export class LocalMember {
  readonly id: string
  readonly group: string
  readonly #topics: readonly string[]
  readonly #member: Member
  readonly #logger: Logger
  readonly #told = new Map<string, { readonly owned: OwnedPartition; revoking: boolean }>()
  readonly #left = Promise.withResolvers<void>()
  #leaving = false

  constructor(id: string, group: string, topics: readonly string[], member: Member, logger: Logger) {
    this.id = id
    this.group = group
    this.#topics = topics
    this.#member = member
    this.#logger = logger
  }

  get name(): string {
    return this.#member.name
  }

  /** None while it leaves: so it is asked for what it has, and is given nothing more. */
  get topics(): readonly string[] {
    return this.#leaving ? [] : this.#topics
  }

  get leaving(): boolean {
    return this.#leaving
  }

  /** Resolves when it has left. */
  leave(): Promise<void> {
    this.#leaving = true
    return this.#left.promise
  }

  ownsNothing(): boolean {
    return this.#told.size === 0
  }

  /** Compares what it was told with the rows that name it as owner. Changes nothing yet. */
  compare(mine: readonly OwnerRow[]): Changes {
    const rowOf = new Map(mine.map(row => [partitionId(row), row]))
    const isTold = (row: OwnerRow): boolean => this.#told.get(partitionId(row))?.owned.epoch === row.epoch
    const fresh = mine.filter(row => !isTold(row))
    return {
      lost: [...this.#told]
        .filter(([id, { owned }]) => rowOf.get(id)?.epoch !== owned.epoch)
        .map(([, { owned }]) => owned),
      assigned: fresh.filter(row => row.releasingSince === undefined).map(ownedPartition),
      unused: fresh.filter(row => row.releasingSince !== undefined),
      revoking: mine
        .filter(row => isTold(row) && row.releasingSince !== undefined)
        .filter(row => this.#told.get(partitionId(row))?.revoking === false)
        .map(ownedPartition),
    }
  }

  /**
   * Tells the member, what is lost first. `release` is called for each revoked partition when that one is drained: a
   * handler that takes long holds back its own partition and no other.
   */
  apply(changes: Changes, release: (owned: OwnedPartition) => void): void {
    const { lost, assigned, revoking } = changes
    if (lost.length > 0) {
      this.forget(lost)
      this.#tell('lost', () => this.#member.lost(lost))
    }
    if (assigned.length > 0) {
      for (const owned of assigned) this.#told.set(partitionId(owned), { owned, revoking: false })
      this.#tell('assigned', () => this.#member.assigned(assigned))
    }
    for (const owned of revoking) {
      this.#told.set(partitionId(owned), { owned, revoking: true })
      void this.#drain(owned).then(() => release(owned))
    }
  }

  /** What was given back or lost. An entry under a newer epoch stays. */
  forget(partitions: readonly OwnedPartition[]): void {
    for (const owned of partitions) {
      const id = partitionId(owned)
      if (this.#told.get(id)?.owned.epoch === owned.epoch) this.#told.delete(id)
    }
  }

  /** It has left, or can no longer be spoken for: what it still had is lost. */
  end(): void {
    const lost = [...this.#told.values()].map(({ owned }) => owned)
    this.#told.clear()
    if (lost.length > 0) this.#tell('lost', () => this.#member.lost(lost))
    this.#left.resolve()
  }

  async #drain(owned: OwnedPartition): Promise<void> {
    try {
      await this.#member.revoking([owned])
    } catch (error) {
      // Given back all the same: what it did not commit is read again by the next owner.
      this.#logger.error(
        { group: this.group, member: this.name, partition: partitionId(owned), err: error },
        'group member failed to drain',
      )
    }
  }

  #tell(what: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logger.error(
        { group: this.group, member: this.name, what, err: error },
        'group member threw when it was told of partitions',
      )
    }
  }
}

function ownedPartition({ topic, partition, epoch }: OwnerRow): OwnedPartition {
  return { topic, partition, epoch }
}
