import { partitionId } from '../../event/index.ts'
import type { Member, Membership, OwnedPartition } from '../port.ts'
import type { World } from './world.ts'

/** A member that writes down what it is told, and can be asked what it owns. */
export class TestMember implements Member {
  readonly name: string
  /** By partition id, as it was last told. */
  readonly owned: Map<string, OwnedPartition> = new Map()
  /** What it does when partitions are taken from it. */
  drain: (partitions: readonly OwnedPartition[]) => Promise<void> = async () => {}
  readonly #world: World
  #membership: Membership | undefined

  constructor(name: string, world: World) {
    this.name = name
    this.#world = world
  }

  async join(group: string, ...topics: readonly string[]): Promise<this> {
    this.#membership = await this.#world.groups.join(group, topics, this)
    this.#say('joined')
    return this
  }

  get membership(): Membership {
    if (!this.#membership) throw new Error(`${this.name} has not joined`)
    return this.#membership
  }

  assigned(partitions: readonly OwnedPartition[]): void {
    for (const owned of partitions) {
      this.owned.set(partitionId(owned), owned)
      this.#say(`assigned ${partitionId(owned)}`)
    }
  }

  async revoking(partitions: readonly OwnedPartition[]): Promise<void> {
    for (const owned of partitions) this.#say(`revoking ${partitionId(owned)}`)
    await this.drain(partitions)
    for (const owned of partitions) {
      this.owned.delete(partitionId(owned))
      this.#say(`released ${partitionId(owned)}`)
    }
  }

  lost(partitions: readonly OwnedPartition[]): void {
    for (const owned of partitions) {
      this.owned.delete(partitionId(owned))
      this.#say(`lost ${partitionId(owned)}`)
    }
  }

  /** Waits until it owns so many partitions. */
  owns(count: number): Promise<void> {
    return this.#world.until(() => this.owned.size === count, `${this.name} owns ${count} partitions`)
  }

  /** What it owns at `id`, which it must. */
  at(id: string): OwnedPartition {
    const owned = this.owned.get(id)
    if (!owned) throw new Error(`${this.name} does not own ${id}`)
    return owned
  }

  /** What happened to it since it joined, without its name. */
  events(): string[] {
    return this.#world.journal
      .filter(line => line.startsWith(`${this.name} `))
      .map(line => line.slice(this.name.length + 1))
  }

  #say(what: string): void {
    this.#world.journal.push(`${this.name} ${what}`)
  }
}
