import {
  decodeEvent,
  encodeEvent,
  offset,
  silentLogger,
  systemClock,
  systemRandom,
  type Envelope,
} from '../../src/event/index.ts'
import { laneOwner, type LaneEvent, type LaneOwner } from '../../src/consume/lane-owner.ts'
import type { LogSystem, Membership, OwnedPartition } from '../../src/log/index.ts'
import { deadTopicOf, describeFailure } from '../../src/recover/index.ts'
import { laneTopicOf, type LaneSettings, type RunResult } from '../../src/recover/lane/index.ts'
import { recordKey, type AnyTopic } from '../../src/schema/index.ts'
import { until } from './wait.ts'

const settings: LaneSettings = {
  order: 'key',
  whenDead: 'continue',
  maxParked: 100_000,
  maxRuns: 16,
  maxDeaths: 3,
  sparse: 4,
  compactFrom: 1_000,
  batch: undefined,
}

/** What was applied, once for each source and id. */
export interface Applied {
  readonly event: Envelope
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
  handler: (data: unknown, event: Envelope) => void
  readonly #inbox = new Set<string>()
  readonly #owners: LaneOwner[] = []
  readonly #system: LogSystem
  readonly #name: string
  readonly #topic: AnyTopic
  readonly #whenDead: LaneSettings['whenDead']
  #membership: Membership | undefined

  constructor(
    system: LogSystem,
    of: {
      readonly name: string
      readonly topic: AnyTopic
      readonly whenDead?: LaneSettings['whenDead']
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
    for (const one of owned) {
      const known = committed.find(each => each.partition === one.partition)
      const owner = laneOwner({
        log,
        owned: one,
        group,
        maxInFlight: 500,
        commitEveryMs: 10,
        committed: known ?? { offset: offset(0), note: undefined },
        settings: { ...settings, whenDead: this.#whenDead },
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        run: async events => events.map(event => this.#run(event)),
        applied: async ({ record }) => this.#inbox.has(idOf(decodeEvent(record))),
        commit: async (position, note) => {
          const [outcome] = await groups.commit(group, [{ ...one, offset: position, note }])
          return outcome?.kind === 'committed'
        },
      })
      this.#owners.push(owner)
    }
  }

  #run({ record }: LaneEvent): RunResult {
    let event: Envelope
    let data: unknown
    try {
      event = decodeEvent(record)
      data = JSON.parse(new TextDecoder().decode(record.value ?? undefined))
    } catch (error) {
      const failure = describeFailure(error, systemClock.now())
      return { kind: 'dead', reason: 'decode', failure, tried: false }
    }
    if (this.#inbox.has(idOf(event))) return { kind: 'done' }
    this.calls += 1
    try {
      this.handler(data, event)
    } catch (error) {
      const failure = describeFailure(error, systemClock.now())
      return { kind: 'dead', reason: 'data', failure, tried: true }
    }
    this.#inbox.add(idOf(event))
    this.applied.push({ event, data })
    return { kind: 'done' }
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

function idOf({ source, id }: Envelope): string {
  return `${source}\n${id}`
}
