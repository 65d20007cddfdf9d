import { firstGeneration } from '../../src/consume/generations.ts'
import type { OnHandler, Received } from '../../src/consume/handlers.ts'
import { partitionOwner, type PartitionOwner } from '../../src/consume/partition-owner.ts'
import type { GroupSettings } from '../../src/consume/settings.ts'
import { encodeEvent, offset, sleep, systemClock } from '../../src/event/index.ts'
import type { LogSystem, Membership, OwnedPartition } from '../../src/log/index.ts'
import { deadTopicOf } from '../../src/recover/index.ts'
import { laneTopicOf } from '../../src/recover/lane/index.ts'
import { recordKey, type AnyTopic } from '../../src/schema/index.ts'
import { expect } from 'vitest'
import { groupContext } from './group-context.ts'
import { until } from './wait.ts'

/** What was applied, once for each source and id. */
export interface Applied {
  readonly event: Received
  readonly data: unknown
}

/**
 * A group on a real log whose partitions run with their lanes, with a database that is a map. What its handler throws
 * is held against the event at once.
 */
export class LaneGroup {
  readonly applied: Applied[] = []
  /** Calls of the handler, whatever came of them. */
  calls = 0
  handler: (data: unknown, event: Received) => void | Promise<void>
  readonly #inbox = new Set<string>()
  readonly #owners: PartitionOwner[] = []
  readonly #system: LogSystem
  readonly #name: string
  readonly #topic: AnyTopic
  readonly #whenDead: GroupSettings['whenDead']
  #membership: Membership | undefined

  constructor(
    system: LogSystem,
    of: {
      readonly name: string
      readonly topic: AnyTopic
      readonly whenDead?: GroupSettings['whenDead']
      readonly handler: LaneGroup['handler']
    },
  ) {
    this.#system = system
    this.#name = of.name
    this.#topic = of.topic
    this.#whenDead = of.whenDead ?? 'continue'
    this.handler = of.handler
  }

  async declare(): Promise<void> {
    const { name, partitions } = this.#topic
    for (const topic of [name, laneTopicOf(name, this.#name), deadTopicOf(name, this.#name)])
      await this.#system.log.topics.create(topic, { partitions })
  }

  async start(): Promise<void> {
    await this.declare()
    const { name: topic, partitions } = this.#topic
    const group = this.#name
    const assigned = Promise.withResolvers<readonly OwnedPartition[]>()
    const all: OwnedPartition[] = []
    this.#membership = await this.#system.groups.join(group, [topic], {
      name: 'member',
      assigned: owned => {
        all.push(...owned)
        if (all.length === partitions) assigned.resolve(all)
      },
      revoking: async () => {},
      lost: () => {},
    })
    const { log, groups } = this.#system
    const owned = await assigned.promise
    const committed = await groups.committed(group)
    const run: OnHandler = event => this.#run(event)
    const policy = { whenDead: this.#whenDead, retry: [] }
    const context = groupContext({ log, group, topic: this.#topic, policy, run })
    for (const one of owned) {
      const lane = await log.bounds({ ...one, topic: laneTopicOf(topic, group) })
      const owner = partitionOwner({
        context,
        topic: this.#topic,
        owned: one,
        committed: committed.find(each => each.partition === one.partition) ?? {
          offset: offset(0),
          note: undefined,
        },
        laneStart: lane.start,
        generations: firstGeneration,
        perSecond: undefined,
        commitDue: () => void sleep(systemClock, 10).then(() => owner.commit()),
        store: async (position, note) => {
          const [outcome] = await groups.commit(group, [{ ...one, offset: position, note }])
          return outcome?.kind === 'committed'
        },
        fenced: () => {},
        failed: error => expect.fail(String(error)),
      })
      this.#owners.push(owner)
    }
  }

  async #run(event: Received): Promise<void> {
    if (this.#inbox.has(idOf(event))) return
    this.calls += 1
    await this.handler(event.data, event)
    this.#inbox.add(idOf(event))
    this.applied.push({ event, data: event.data })
  }

  /** Appends events of one type. */
  async send(type: string, ...payloads: readonly unknown[]): Promise<void> {
    const records = payloads.map((data, i) =>
      encodeEvent({
        id: `${type}-${(this.#sent += 1)}-${i}`,
        source: '/test',
        type,
        version: 1,
        time: undefined,
        acceptedAt: systemClock.now(),
        extensions: {},
        key: recordKey(this.#topic, data, undefined),
        data: new TextEncoder().encode(JSON.stringify(data)),
      }),
    )
    await this.#system.log.append(this.#topic.name, records)
  }
  #sent = 0

  /** Until everything in the topic and in the lanes has come to its end. */
  async atRest(parked = 0): Promise<void> {
    await until(async () => {
      for (const owner of this.#owners) {
        const { end } = await this.#system.log.bounds(owner.owned)
        if (owner.phase !== 'live' || owner.commitable !== end) return false
      }
      return this.#owners.reduce((sum, owner) => sum + owner.parked, 0) === parked
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#owners.splice(0).map(owner => owner.stop(0)))
    await this.#membership?.leave()
  }
}

function idOf({ source, id }: Received): string {
  return `${source}\n${id}`
}
