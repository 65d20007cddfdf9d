import { partitionId, type Random } from '../../../event/index.ts'
import type { OwnedPartition } from '../../../log/index.ts'
import type { Call, Effect, Input } from './member-io.ts'
import type { Refusal } from './refusal.ts'
import type { Holding, Share } from './shares.ts'

/**
 * A member of a group, as a machine without input and output: it is told what requests answered and what time it is, and
 * says what to send and what to tell whoever runs the partitions.
 *
 *              ┌────────────── partitions are shared out anew ──────────────┐
 *              ▼                                                            │
 *   waiting → joining ──everybody has joined──▶ syncing ──its share──▶ stable
 *      ▲         │                                 │                     │
 *      └─────────┴── coordinator not reached ──────┘      another process has its instance id ──▶ over
 *
 * What it holds does not depend on that: a partition is held from the share that gave it until it is given back, taken,
 * or the lease is out, through any number of rounds. So handlers go on while members come and go.
 *
 * - Joining, it says what it holds. Everybody who may share out sees that, and leaves it where it is, or has it released:
 *   drained here, for as long as `revokeTimeoutMs`, and given back by joining without it.
 * - The coordinator keeps a member's place for `sessionMs` after it was heard. The lease is counted here from the moment
 *   at which the last request that it accepted was *sent*, so it ends here first. It is looked at before anything else: a
 *   process that was stopped for long has lost everything before it does the next thing. While a round is under way it is
 *   kept on, but not beyond `rebalanceTimeoutMs`: whoever has not joined by then is put out, and a join may have been lost.
 * - A round may be over before this member hears that its join was counted: until then nobody knows whether a refusal
 *   for an old generation means that, or that it was shut out. So it does not count while a join is under way, and neither
 *   renews the lease.
 */
export class MemberState {
  readonly #o: MemberStateOptions
  readonly #held = new Map<string, Held>()
  #phase: Phase = { kind: 'waiting', until: 0 }
  #memberId = ''
  /** Of the last join that was answered; -1 while it is no member. */
  #generation = -1
  /** Of the last share, with what came with it. */
  #synced = -1
  #base: bigint | undefined
  #partitions: ReadonlyMap<string, number> | undefined
  #leads = false
  #leaving = false
  /** When it is to join again, once stable. */
  #rejoinAt: number | undefined
  /** When the last request was sent that the coordinator accepted. */
  #acceptedAt = 0
  /** The same, of one that says that it was not put out of a round before. */
  #steadyAt = 0
  #beatAt = 0
  #beating: Call | undefined
  #attempt = 0
  /** Joins that failed in a row. */
  #failures = 0
  #effects: Effect[] = []

  constructor(options: MemberStateOptions) {
    this.#o = options
  }

  get phase(): Phase['kind'] {
    return this.#phase.kind
  }

  get holds(): readonly OwnedPartition[] {
    return [...this.#held.values()].map(({ owned }) => owned)
  }

  /** How many partitions were shared out, by topic, while this member leads: when there are more, it is `grown`. */
  get sharedOut(): ReadonlyMap<string, number> | undefined {
    return this.#leads && this.#phase.kind === 'stable' ? this.#partitions : undefined
  }

  /** As whom to commit for the whole group, while this member leads it; and the topics that any member reads. */
  leading(now: number): { readonly call: Call; readonly topics: ReadonlySet<string> } | undefined {
    const shared = this.sharedOut
    return shared && !this.#isLapsed(now)
      ? { call: this.#call(now), topics: new Set(shared.keys()) }
      : undefined
  }

  /** Whether the partition may be committed, and as whom. `later`: when it is known what it holds in the new round. */
  mayCommit(owned: OwnedPartition, now: number): Call | 'later' | 'never' {
    if (this.#held.get(partitionId(owned))?.owned.epoch !== owned.epoch || this.#isLapsed(now)) return 'never'
    return this.#phase.kind === 'syncing' ? 'later' : this.#call(now)
  }

  /** When to tell it the time, at the latest. */
  get wakeAt(): number {
    const phase = this.#phase
    if (phase.kind === 'over') return Infinity
    return Math.min(
      phase.kind === 'waiting' ? phase.until : Infinity,
      phase.kind === 'stable' ? (this.#rejoinAt ?? Infinity) : Infinity,
      this.#generation >= 0 && !this.#beating ? this.#beatAt : Infinity,
      this.#held.size > 0 ? this.#leaseEnd + 1 : Infinity,
      phase.kind === 'joining' ? phase.againAt : Infinity,
      ...[...this.#held.values()].map(({ drainUntil }) => drainUntil ?? Infinity),
    )
  }

  handle(input: Input, now: number): readonly Effect[] {
    if (this.#phase.kind === 'over') return []
    this.#effects = []
    if (this.#isLapsed(now)) this.#loseAll('the coordinator has not answered in time', now)
    if ('call' in input && input.call === this.#beating) this.#beating = undefined
    this.#take(input, now)
    this.#goOn(now)
    return this.#effects
  }

  #take(input: Input, now: number): void {
    switch (input.kind) {
      case 'time':
        return
      case 'joined':
        return this.#joined(input, now)
      case 'synced':
        return this.#share(input.call, input.share, now)
      case 'accepted':
        if (this.#heard(input.call)) this.#steadyAt = Math.max(this.#steadyAt, input.call.at)
        return
      case 'refused':
        return this.#refused(input, now)
      case 'drained':
        return this.#givenBack(input.owned, now)
      case 'grown':
        if (this.#phase.kind === 'stable') this.#rejoinAt = now
        return
      case 'leave':
        this.#leaving = true
        for (const held of this.#held.values()) this.#drain(held, now)
        return
    }
  }

  /** What the time asks for. */
  #goOn(now: number): void {
    for (const { owned, drainUntil } of this.#held.values())
      if (drainUntil !== undefined && drainUntil <= now) {
        this.#say({ kind: 'lost', partitions: [owned], why: 'it was not drained in time' })
        this.#givenBack(owned, now)
      }
    if (this.#leaving && this.#held.size === 0) return this.#end({ kind: 'left', memberId: this.#memberId })
    const phase = this.#phase
    if (phase.kind === 'over') return
    const isDue =
      (phase.kind === 'waiting' && phase.until <= now) || (phase.kind === 'joining' && phase.againAt <= now)
    const again = phase.kind === 'stable' && this.#rejoinAt !== undefined && this.#rejoinAt <= now
    if (isDue || again) this.#join(now)
    if (this.#generation >= 0 && !this.#beating && this.#beatAt <= now) {
      this.#beating = this.#call(now)
      this.#beatAt = now + this.#o.beatMs
      this.#say({ kind: 'beat', call: this.#beating })
    }
  }

  // ---- rounds

  #join(now: number): void {
    this.#attempt += 1
    this.#rejoinAt = undefined
    const holds: Holding[] = [...this.#held.values()].map(({ owned, drainUntil }) => ({
      ...owned,
      release: drainUntil !== undefined,
    }))
    const againAt = now + this.#o.sessionMs / 2
    this.#phase = { kind: 'joining', claims: new Set(holds.map(tenureId)), againAt, overtaken: false }
    const { name, topics } = this.#o
    const leaving = this.#leaving
    const subscription = { name, topics, leaving, generation: this.#synced, base: this.#base, holds }
    this.#say({ kind: 'join', call: this.#call(now), subscription })
  }

  #joined(
    { call, memberId, generation, leads, members }: Extract<Input, { kind: 'joined' }>,
    now: number,
  ): void {
    if (!this.#inTurn(call, 'joining') || this.#phase.kind !== 'joining') return
    // A dynamic member that misses a round is put out. A static one is kept, with what it said rounds ago: what it holds
    // may have been given away meanwhile, and have come free again.
    const isNext = generation === this.#generation || generation === this.#generation + 1
    const missed = this.#o.isStatic && this.#held.size > 0 && !isNext
    if (this.#generation < 0) this.#beatAt = now + this.#o.beatMs
    this.#memberId = memberId
    this.#generation = generation
    this.#leads = leads
    this.#acceptedAt = Math.max(this.#acceptedAt, call.at)
    this.#steadyAt = Math.max(this.#steadyAt, call.at)
    if (missed) {
      this.#loseAll('the group has shared partitions out without it', now)
      return this.#join(now)
    }
    this.#phase = { kind: 'syncing', claims: this.#phase.claims }
    this.#say({ kind: 'sync', call: this.#call(now), members })
  }

  #share(call: Call, share: Share, now: number): void {
    if (!this.#inTurn(call, 'syncing') || this.#phase.kind !== 'syncing') return
    const { claims } = this.#phase
    this.#phase = { kind: 'stable' }
    this.#failures = 0
    this.#synced = this.#generation
    this.#base = share.base
    this.#partitions = share.partitions
    this.#acceptedAt = Math.max(this.#acceptedAt, call.at)
    this.#steadyAt = Math.max(this.#steadyAt, call.at)
    // Stopped for long while the answer was on its way: what it gives may have been given to others since.
    if (now - this.#acceptedAt > this.#o.sessionMs) return this.#join(now)

    const given = new Map(share.holds.map(holding => [tenureId(holding), holding]))
    const taken = [...this.#held.values()].filter(({ owned }) => !given.has(tenureId(owned)))
    for (const { owned } of taken) this.#held.delete(partitionId(owned))
    if (taken.length > 0)
      this.#say({ kind: 'lost', partitions: taken.map(({ owned }) => owned), why: 'another member has it' })

    const gained: OwnedPartition[] = []
    for (const holding of given.values()) {
      const held = this.#held.get(partitionId(holding))
      if (held) {
        if (holding.release) this.#drain(held, now)
      } else if (claims.has(tenureId(holding)) || holding.release) {
        // Given back or lost since it joined: to be said by joining again. So is what a former process of the same
        // instance was to release: this one has never had it.
        this.#rejoinAt = now
      } else if (!this.#leaving) {
        const { topic, partition, epoch } = holding
        gained.push({ topic, partition, epoch })
      }
    }
    for (const owned of gained) this.#held.set(partitionId(owned), { owned, drainUntil: undefined })
    if (gained.length > 0) this.#say({ kind: 'assigned', partitions: gained })
  }

  // ---- partitions

  /** Once begun it is not taken back: its owner has stopped its work. */
  #drain(held: Held, now: number): void {
    if (held.drainUntil !== undefined) return
    held.drainUntil = now + this.#o.revokeTimeoutMs
    this.#say({ kind: 'revoking', owned: held.owned })
  }

  #givenBack(owned: OwnedPartition, now: number): void {
    if (this.#held.get(partitionId(owned))?.owned.epoch !== owned.epoch) return
    this.#held.delete(partitionId(owned))
    if (this.#leaving) return
    // Those that are drained a moment later go with it: every round asks something of all members.
    const draining = [...this.#held.values()].some(({ drainUntil }) => drainUntil !== undefined)
    const at = draining ? now + this.#o.beatMs : now
    this.#rejoinAt = Math.min(this.#rejoinAt ?? Infinity, at)
  }

  #loseAll(why: string, now: number): void {
    const lost = [...this.#held.values()].map(({ owned }) => owned)
    this.#held.clear()
    if (lost.length > 0) this.#say({ kind: 'lost', partitions: lost, why })
    this.#rejoinAt = now
  }

  #isLapsed(now: number): boolean {
    return this.#held.size > 0 && now > this.#leaseEnd
  }

  get #leaseEnd(): number {
    return Math.min(this.#acceptedAt + this.#o.sessionMs, this.#steadyAt + this.#o.rebalanceTimeoutMs)
  }

  // ---- answers

  #heard(call: Call): boolean {
    const isCurrent = call.memberId === this.#memberId && call.generation === this.#generation
    if (isCurrent) this.#acceptedAt = Math.max(this.#acceptedAt, call.at)
    return isCurrent
  }

  #refused({ of, call, refusal, memberId }: Extract<Input, { kind: 'refused' }>, now: number): void {
    if (of === 'join' || of === 'sync') {
      if (this.#inTurn(call, of === 'join' ? 'joining' : 'syncing'))
        this.#refusedRound(refusal, memberId, now)
    } else if (call.memberId === this.#memberId && call.generation === this.#generation) {
      // What was sent under a former id or generation says nothing of this one.
      this.#refusedMember(call, refusal, now)
    }
  }

  #refusedRound(refusal: Refusal, memberId: string | undefined, now: number): void {
    switch (refusal) {
      case 'member-id':
        this.#memberId = memberId ?? ''
        return this.#join(now)
      case 'rebalance':
        return this.#join(now)
      case 'unknown-member':
        return this.#forgotten(now)
      case 'fenced':
        return this.#shutOut(now)
      case 'old-generation':
        this.#loseAll('the group has gone on without this member', now)
        return this.#wait(now)
      case 'elsewhere':
      case 'hopeless':
        return this.#wait(now)
    }
  }

  /** A beat or a commit of what it still takes itself for. */
  #refusedMember(call: Call, refusal: Refusal, now: number): void {
    switch (refusal) {
      case 'rebalance':
        this.#heard(call) // its place is kept until the round is over
        if (this.#phase.kind === 'stable') this.#rejoinAt = now
        // The answer that it waits for is of the round before, or was lost.
        if (this.#phase.kind === 'syncing') this.#join(now)
        return
      case 'unknown-member':
        return this.#forgotten(now)
      case 'fenced':
        return this.#shutOut(now)
      case 'old-generation':
        if (this.#phase.kind === 'joining') return this.#overtaken(now)
        if (this.#phase.kind === 'waiting') return
        this.#loseAll('the group has gone on without this member', now)
        return this.#wait(now)
      case 'member-id':
      case 'elsewhere':
      case 'hopeless':
        return // the lease runs on
    }
  }

  /**
   * Joining, and the group is a generation ahead: its join was counted, and the answer is on its way. When it is not there
   * a beat later it was lost.
   */
  #overtaken(now: number): void {
    if (this.#phase.kind !== 'joining') return
    if (this.#phase.overtaken) this.#join(now)
    else this.#phase = { ...this.#phase, overtaken: true }
  }

  #forgotten(now: number): void {
    this.#loseAll('the coordinator no longer knows this member', now)
    this.#memberId = ''
    this.#generation = this.#synced = -1
    this.#base = undefined // the group may have begun to count anew without it
    this.#wait(now)
  }

  #shutOut(now: number): void {
    this.#loseAll('another process has the same instance id', now)
    this.#end({ kind: 'shut-out' })
  }

  #wait(now: number): void {
    const ms = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS)
    this.#failures += 1
    this.#phase = { kind: 'waiting', until: now + ms * (0.5 + this.#o.random() / 2) }
  }

  #end(effect: Effect): void {
    this.#phase = { kind: 'over' }
    this.#say(effect)
  }

  #inTurn(call: Call, phase: 'joining' | 'syncing'): boolean {
    return this.#phase.kind === phase && call.attempt === this.#attempt
  }

  #call(now: number): Call {
    return { memberId: this.#memberId, generation: this.#generation, attempt: this.#attempt, at: now }
  }

  #say(effect: Effect): void {
    this.#effects.push(effect)
  }
}

export interface MemberStateOptions {
  readonly name: string
  readonly topics: readonly string[]
  /** Whether it has an instance id. */
  readonly isStatic: boolean
  readonly beatMs: number
  readonly sessionMs: number
  readonly rebalanceTimeoutMs: number
  readonly revokeTimeoutMs: number
  readonly random: Random
}

type Phase =
  | { readonly kind: 'waiting'; readonly until: number }
  /** `claims`: what it said that it holds. */
  | {
      readonly kind: 'joining'
      readonly claims: ReadonlySet<string>
      /** When it says so again: the request may have been lost, and who has not joined in time is put out. */
      readonly againAt: number
      readonly overtaken: boolean
    }
  | { readonly kind: 'syncing'; readonly claims: ReadonlySet<string> }
  | { readonly kind: 'stable' }
  | { readonly kind: 'over' }

interface Held {
  readonly owned: OwnedPartition
  /** Set once it is being drained. */
  drainUntil: number | undefined
}

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 5_000

function tenureId(owned: OwnedPartition): string {
  return `${partitionId(owned)}@${owned.epoch}`
}
