import { env } from 'node:process'
import { describe, expect, it } from 'vitest'
import { partitionId, seededRandom, type Random } from '../../../event/index.ts'
import type { OwnedPartition } from '../../../log/index.ts'
import type { Effect, Input } from './member-io.ts'
import { MemberState } from './member-state.ts'
import { ModelCoordinator, type JoinAnswer } from './model-coordinator.ts'
import type { Refusal } from './refusal.ts'
import { shareOut } from './share-out.ts'
import { decodeOurSubscription, decodeShare, encodeOurSubscription, encodeShare } from './shares.ts'

const BEAT = 300
const SESSION = 3_000
const REBALANCE = 6_000
const REVOKE = 2_000
const TIMEOUT = 500
const TOPIC = 't'
const SEEDS = Number(env['SEEDS'] ?? 40)

/** A group of simulated processes at a model of the coordinator, on one clock, in an order that a seed decides. */
class Group {
  now = 0
  partitions = 6
  readonly random: Random
  readonly coordinator = new ModelCoordinator({ sessionMs: SESSION, rebalanceTimeoutMs: REBALANCE })
  readonly processes: Process[] = []
  readonly journal: string[] = []
  /** The highest epoch under which each partition was given to somebody. */
  readonly epochs = new Map<string, { readonly epoch: bigint; readonly to: string }>()
  readonly broken: string[] = []
  readonly #queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = []
  #order = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  after(ms: number, run: () => void): void {
    this.#queue.push({ at: this.now + ms, order: ++this.#order, run })
  }

  /** A time on the wire. */
  get delay(): number {
    return 1 + Math.floor(this.random() * 40)
  }

  start(name: string, instanceId?: string): Process {
    const process = new Process(this, name, instanceId)
    this.processes.push(process)
    process.tell({ kind: 'time' })
    return process
  }

  runUntil(time: number): void {
    while (this.now < time) {
      this.#queue.sort((a, b) => a.at - b.at || a.order - b.order)
      const next = this.#queue[0]
      if (!next || next.at > time) {
        this.now = time
        break
      }
      this.#queue.shift()
      this.now = Math.max(this.now, next.at)
      this.coordinator.time(this.now)
      next.run()
      this.#check()
    }
    this.coordinator.time(this.now)
  }

  say(line: string): void {
    this.journal.push(`${this.now} ${line}`)
  }

  /** What came before the first thing that must not be, or before the end. */
  story(): string {
    const first = this.broken.length > 0 ? parseFloat(this.broken[0] ?? '') : Infinity
    return this.journal
      .filter(line => parseFloat(line) <= first)
      .slice(-40)
      .join('\n')
  }

  breach(what: string): void {
    this.broken.push(`${this.now} ${what}`)
  }

  /** Whoever may commit a partition is the only one. */
  #check(): void {
    const owners = new Map<string, string>()
    for (const process of this.processes.filter(process => process.runs)) {
      for (const owned of process.state.holds) {
        if (process.state.mayCommit(owned, this.now) === 'never') continue
        const other = owners.get(partitionId(owned))
        if (other !== undefined) this.breach(`${partitionId(owned)} is ${other}'s and ${process.name}'s`)
        owners.set(partitionId(owned), process.name)
      }
    }
  }
}

class Process {
  readonly name: string
  readonly instanceId: string | undefined
  readonly state: MemberState
  readonly told = new Map<string, OwnedPartition>()
  readonly #group: Group
  readonly #work = new Map<string, number>()
  online = true
  runs = true
  dead = false
  ended: 'left' | 'shut-out' | undefined
  /** How long it takes to drain a partition. */
  drainMs = 100
  #missed: (() => void)[] = []
  #wake = 0

  constructor(group: Group, name: string, instanceId: string | undefined) {
    this.#group = group
    this.name = name
    this.instanceId = instanceId
    this.state = new MemberState({
      name,
      topics: [TOPIC],
      isStatic: instanceId !== undefined,
      beatMs: BEAT,
      sessionMs: SESSION,
      rebalanceTimeoutMs: REBALANCE,
      revokeTimeoutMs: REVOKE,
      random: group.random,
    })
  }

  tell(input: Input): void {
    if (this.dead) return
    if (!this.runs) return void this.#missed.push(() => this.tell(input))
    for (const effect of this.state.handle(input, this.#group.now)) this.#do(effect)
    const wake = ++this.#wake
    if (this.state.wakeAt === Infinity) return
    this.#group.after(Math.max(0, this.state.wakeAt - this.#group.now), () => {
      if (wake === this.#wake || !this.runs) this.tell({ kind: 'time' })
    })
  }

  stop(): void {
    this.runs = false
  }

  /** What came meanwhile comes now, in any order. */
  resume(): void {
    if (this.dead) return
    this.runs = true
    const missed = this.#missed.splice(0)
    while (missed.length > 0) missed.splice(Math.floor(this.#group.random() * missed.length), 1)[0]?.()
    this.tell({ kind: 'time' })
  }

  die(): void {
    this.dead = true
    this.runs = false
  }

  leave(): void {
    this.tell({ kind: 'leave' })
  }

  /** Commits one more record of something that it holds. */
  commitSomething(): void {
    if (!this.runs || this.dead) return
    const holds = this.state.holds
    const owned = holds[Math.floor(this.#group.random() * holds.length)]
    const call = owned && this.state.mayCommit(owned, this.#group.now)
    if (!owned || !call || call === 'later' || call === 'never') return
    const id = partitionId(owned)
    const tenure = `${id}@${owned.epoch}`
    const before = this.#work.get(tenure) ?? this.#group.coordinator.committed.get(id)?.offset ?? 0
    this.#work.set(tenure, before + 1)
    this.#request(
      () => {
        const at = { partition: id, offset: before + 1, by: `${this.name} ${owned.epoch}` }
        const stands = this.#group.coordinator.committed.get(id)
        const { memberId, generation } = call
        const refusal = this.#group.coordinator.commit(
          { memberId, instanceId: this.instanceId, generation },
          at,
        )
        if (!refusal && stands && at.offset <= stands.offset && stands.by !== at.by)
          this.#group.breach(
            `${id} went back from ${stands.offset} of ${stands.by} to ${at.offset} of ${at.by}`,
          )
        return refusal
      },
      refusal => {
        if (refusal && refusal !== 'elsewhere') this.tell({ kind: 'refused', of: 'commit', call, refusal })
      },
    )
  }

  #do(effect: Effect): void {
    const { coordinator } = this.#group
    switch (effect.kind) {
      case 'join': {
        const { call } = effect
        const metadata = encodeOurSubscription(effect.subscription)
        return this.#ask<JoinAnswer>(
          answer =>
            coordinator.join(
              { memberId: call.memberId, instanceId: this.instanceId, metadata },
              this.#group.now,
              answer,
            ),
          REBALANCE + SESSION,
          answer => {
            if (answer === undefined)
              return this.tell({ kind: 'refused', of: 'join', call, refusal: 'elsewhere' })
            if ('refusal' in answer) return this.tell({ kind: 'refused', of: 'join', call, ...answer })
            const members = answer.members?.flatMap(({ id, metadata }) => {
              const subscription = decodeOurSubscription(metadata)
              return subscription ? [{ id, subscription }] : []
            })
            this.tell({ ...answer, kind: 'joined', call, members })
          },
        )
      }
      case 'sync': {
        const { call, members } = effect
        const assignments = new Map<string, Buffer>()
        if (members) {
          const partitions = new Map([[TOPIC, this.#group.partitions]])
          const { generation } = call
          for (const [id, share] of shareOut({
            generation,
            applicants: members,
            partitions,
            now: this.#group.now,
          }))
            assignments.set(id, encodeShare(share))
        }
        return this.#ask<{ refusal: Refusal } | { assignment: Buffer }>(
          answer => coordinator.sync({ ...call, assignments }, this.#group.now, answer),
          REBALANCE + SESSION,
          answer => {
            const share = answer && 'assignment' in answer ? decodeShare(answer.assignment) : undefined
            const refusal = answer && 'refusal' in answer ? answer.refusal : 'elsewhere'
            if (share) this.tell({ kind: 'synced', call, share })
            else this.tell({ kind: 'refused', of: 'sync', call, refusal })
          },
        )
      }
      case 'beat': {
        const { call } = effect
        return this.#request(
          () => coordinator.beat(call.memberId, this.instanceId, call.generation, this.#group.now),
          refusal => {
            if (refusal) this.tell({ kind: 'refused', of: 'beat', call, refusal })
            else this.tell({ kind: 'accepted', call })
          },
        )
      }
      case 'assigned':
        for (const owned of effect.partitions) this.#assigned(owned)
        return
      case 'revoking': {
        const { owned } = effect
        this.#group.say(`${this.name} revoking ${partitionId(owned)}`)
        return this.#group.after(this.drainMs, () => {
          this.#gone(owned)
          this.tell({ kind: 'drained', owned })
        })
      }
      case 'lost':
        for (const owned of effect.partitions) this.#gone(owned)
        return this.#group.say(
          `${this.name} lost ${effect.partitions.map(partitionId).join(' ')}: ${effect.why}`,
        )
      case 'left':
        this.ended = 'left'
        return this.#request(
          () => {
            coordinator.leave(effect.memberId, this.#group.now)
            return undefined
          },
          () => {},
        )
      case 'shut-out':
        this.ended = 'shut-out'
        return
    }
  }

  #assigned(owned: OwnedPartition): void {
    const id = partitionId(owned)
    this.#group.say(`${this.name} assigned ${id}@${owned.epoch}`)
    if (this.told.has(id)) this.#group.breach(`${this.name} is given ${id} twice`)
    this.told.set(id, owned)
    const last = this.#group.epochs.get(id)
    const inherits = this.instanceId !== undefined && last?.to === this.instanceId
    if (last && (inherits ? owned.epoch < last.epoch : owned.epoch <= last.epoch))
      this.#group.breach(`${id} goes to ${this.name} under ${owned.epoch}, ${last.to} had ${last.epoch}`)
    this.#group.epochs.set(id, { epoch: owned.epoch, to: this.instanceId ?? this.name })
  }

  #gone(owned: OwnedPartition): void {
    if (this.told.get(partitionId(owned))?.epoch === owned.epoch) this.told.delete(partitionId(owned))
  }

  /** Answered at once by the coordinator. */
  #request(ask: () => Refusal | undefined, then: (refusal: Refusal | undefined) => void): void {
    this.#ask<Refusal | 'fine'>(
      answer => answer(ask() ?? 'fine'),
      TIMEOUT,
      answer => then(answer === 'fine' ? undefined : (answer ?? 'elsewhere')),
    )
  }

  /** Lost on its way out or back when the process is cut off; undefined after a time-out. */
  #ask<Answer>(
    send: (answer: (answer: Answer) => void) => void,
    timeoutMs: number,
    then: (answer: Answer | undefined) => void,
  ): void {
    let open = true
    const settle = (answer: Answer | undefined): void => {
      if (!open) return
      open = false
      then(answer)
    }
    this.#group.after(timeoutMs, () => settle(undefined))
    if (!this.online || this.dead) return
    this.#group.after(this.#group.delay, () => {
      if (!this.online || this.dead) return
      send(answer => {
        if (this.online) this.#group.after(this.#group.delay, () => settle(answer))
      })
    })
  }
}

/** Everything is shared out, each partition to one of these, none with two more than another. */
function settled(group: Group): string | undefined {
  const living = group.processes.filter(({ dead, ended }) => !dead && ended === undefined)
  const counts = living.map(({ told }) => told.size)
  const all = living.flatMap(({ told }) => [...told.keys()])
  if (living.length === 0) return undefined
  if (all.length !== group.partitions || new Set(all).size !== all.length)
    return `${all.length} of ${group.partitions} partitions are owned`
  return Math.max(...counts) - Math.min(...counts) > 1 ? `shared out as ${counts.join(', ')}` : undefined
}

/** What befalls a group in one run. */
function play(seed: number): Group {
  const group = new Group(seed)
  const { random } = group
  const pick = (): Process | undefined => group.processes[Math.floor(random() * group.processes.length)]
  let names = 0
  const startOne = (): void => {
    const isStatic = random() < 0.4
    const name = `p${++names}`
    group.start(name, isStatic ? `instance-${name}` : undefined)
  }
  startOne()
  startOne()
  for (let step = 0; step < 60; step++) {
    group.runUntil(group.now + Math.floor(random() * random() * 3_000))
    const process = pick()
    const event = random()
    for (const one of group.processes) if (random() < 0.6) one.commitSomething()
    const running = group.processes.filter(({ dead, ended }) => !dead && !ended).length
    if (event < 0.12 && running < 5) startOne()
    else if (event < 0.2 && running > 1) process?.leave()
    else if (event < 0.3 && process && !process.dead && !process.ended) {
      process.stop()
      const ms = random() < 0.5 ? random() * SESSION : SESSION + random() * 2 * SESSION
      group.after(ms, () => process.resume())
    } else if (event < 0.42 && process) {
      process.online = false
      group.after(random() * 2 * SESSION, () => (process.online = true))
    } else if (event < 0.5 && process?.instanceId !== undefined && !process.dead && !process.ended) {
      const { instanceId, name } = process
      process.die()
      group.after(random() * 2 * SESSION, () => void group.start(`${name}'`, instanceId))
    } else if (event < 0.55 && process && running > 1 && process.instanceId === undefined) process.die()
    else if (event < 0.6) group.coordinator.failOver(group.now)
    else if (event < 0.63 && group.partitions < 12) {
      group.partitions += 2
      for (const one of group.processes) if (one.state.sharedOut) one.tell({ kind: 'grown' })
    } else if (process) process.drainMs = random() < 0.2 ? 2 * REVOKE : random() * 500
  }
  for (const one of group.processes) one.drainMs = 50
  group.runUntil(group.now + 20 * SESSION)
  for (const one of group.processes) if (one.state.sharedOut) one.tell({ kind: 'grown' })
  group.runUntil(group.now + 20 * SESSION)
  return group
}

describe('a member of a Kafka group', () => {
  it(
    'shares partitions with others through whatever befalls them: one owner each, epochs grow, no position goes back',
    { timeout: 300_000 },
    () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const group = play(seed)
        const story = `seed ${seed}: ${group.story()}`
        expect(group.broken, story).toEqual([])
        expect(settled(group), story).toBeUndefined()
        expect(
          group.coordinator.isStable || group.processes.every(({ ended, dead }) => ended ?? dead),
          story,
        ).toBe(true)
      }
    },
  )
})
