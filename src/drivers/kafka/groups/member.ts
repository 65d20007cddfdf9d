import { HoldfastError, partitionId, type Clock, type Logger, type Random } from '../../../event/index.ts'
import type { Commit, Member, OwnedPartition } from '../../../log/index.ts'
import { kafkaError, partialReply } from '../errors.ts'
import type { Broker, Link, MakeLink, Reply } from '../link.ts'
import type { Coordinators } from './coordinators.ts'
import { MemberCommits } from './member-commits.ts'
import { MemberState, type Call, type Effect, type Input } from './member-state.ts'
import type { ResolvedGroupOptions } from './options.ts'
import { noteToMetadata } from './positions.ts'
import { refusalOf } from './refusal.ts'
import { shareOut, type Applicant } from './share-out.ts'
import { decodeOurSubscription, decodeShare, encodeOurSubscription, encodeShare, PROTOCOL } from './shares.ts'

export interface MemberDeps {
  readonly makeLink: MakeLink
  readonly coordinators: Coordinators
  /** Asked of a broker. Undefined for a topic that does not exist. */
  partitions(topic: string): Promise<number | undefined>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * A member of a Kafka group in this process: does what its machine (`member-state.ts`) says, and tells it what came of it.
 *
 * Three links, because a broker answers the requests of a connection one after the other: a join waits for all members, a
 * commit for replicas, and a beat must wait for neither.
 */
export class KafkaMember {
  readonly group: string
  readonly name: string
  readonly #d: MemberDeps
  readonly #o: ResolvedGroupOptions
  readonly #topics: readonly string[]
  readonly #member: Member
  readonly #state: MemberState
  readonly #commits: MemberCommits
  readonly #beats: Link
  readonly #stores: Link
  #joins: Link
  /** Where the join that is under way waits. */
  #joinedAt: Broker | undefined
  /** The highest position asked for in each tenure. */
  readonly #asked = new Map<string, { readonly epoch: bigint; readonly offset: bigint }>()
  readonly #started = Promise.withResolvers<void>()
  readonly #over = Promise.withResolvers<void>()
  #isOver = false
  #cancelWake: () => void = () => {}
  #cancelGrowth: () => void = () => {}
  /** Since when no coordinator has answered. */
  #silentSince: number | undefined
  #problem: string | undefined

  constructor(
    deps: MemberDeps,
    options: ResolvedGroupOptions,
    group: string,
    topics: readonly string[],
    member: Member,
  ) {
    this.group = group
    this.name = member.name
    this.#d = deps
    this.#o = options
    this.#topics = topics
    this.#member = member
    const { beatMs, sessionMs, revokeTimeoutMs, instanceId } = options
    const isStatic = instanceId !== undefined
    const { random } = deps
    this.#state = new MemberState({
      name: member.name,
      topics,
      isStatic,
      beatMs,
      sessionMs,
      revokeTimeoutMs,
      random,
    })
    this.#commits = new MemberCommits({
      group,
      clock: deps.clock,
      may: owned => (this.#isOver ? 'never' : this.#state.mayCommit(owned, deps.clock.monotonic())),
      send: (call, commits) => this.#sendCommits(call, commits),
      stored: storedOf,
      refused: (call, refusal) => this.#tell({ kind: 'refused', of: 'commit', call, refusal }),
    })
    this.#beats = deps.makeLink({ requestTimeoutMs: patienceOf(sessionMs) })
    this.#stores = deps.makeLink({ requestTimeoutMs: patienceOf(sessionMs) })
    this.#joins = this.#joinLink()
  }

  /**
   * Resolves when the coordinator has taken notice of it, or after a while in which it was not reached: it goes on trying.
   * Rejects when it is refused for good, and is over then.
   */
  async start(): Promise<void> {
    this.#tell({ kind: 'time' })
    this.#lookForGrowth()
    const cancel = this.#d.clock.after(START_PATIENCE_MS, this.#started.resolve)
    try {
      await this.#started.promise
    } finally {
      cancel()
    }
  }

  get holds(): readonly OwnedPartition[] {
    return this.#state.holds
  }

  isHolding(owned: OwnedPartition): boolean {
    return !this.#isOver && this.#state.mayCommit(owned, this.#d.clock.monotonic()) !== 'never'
  }

  /** `INTERNAL` for a position below one of this tenure. Nothing is sent yet. */
  checkForward({ epoch, offset, ...tp }: Commit): void {
    const asked = this.#asked.get(partitionId(tp))
    if (asked?.epoch !== epoch || offset >= asked.offset) return
    throw new HoldfastError('INTERNAL', {
      detail: `group ${this.group} would go back in ${partitionId(tp)} from ${asked.offset} to ${offset} within epoch ${epoch}`,
    })
  }

  store(commit: Commit): Promise<boolean> {
    this.#asked.set(partitionId(commit), { epoch: commit.epoch, offset: commit.offset })
    return this.#commits.store(commit)
  }

  async confirm(owned: OwnedPartition): Promise<boolean> {
    for (;;) {
      const now = this.#d.clock.monotonic()
      const call = this.#isOver ? 'never' : this.#state.mayCommit(owned, now)
      if (call === 'never') {
        this.#tell({ kind: 'time' }) // if the lease is out, whoever asks is to hear that it is lost
        return false
      }
      if (call !== 'later' && (await this.#beat(call))) return this.isHolding(owned)
      await this.#pause(CONFIRM_PAUSE_MS)
    }
  }

  leave(): Promise<void> {
    this.#tell({ kind: 'leave' })
    return this.#over.promise
  }

  /** As if the process had died: nothing is drained, and the coordinator hears nothing. */
  abandon(): Promise<void> {
    return this.#end()
  }

  // ---- the machine

  #tell(input: Input): void {
    if (this.#isOver) return
    for (const effect of this.#state.handle(input, this.#d.clock.monotonic())) this.#do(effect)
    this.#commits.changed()
    this.#cancelWake()
    const { wakeAt } = this.#state
    if (this.#isOver || wakeAt === Infinity) return
    const ms = Math.max(0, Math.ceil(wakeAt - this.#d.clock.monotonic()))
    this.#cancelWake = this.#d.clock.after(ms, () => this.#tell({ kind: 'time' }))
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case 'join':
        return void this.#join(effect)
      case 'sync':
        return void this.#sync(effect)
      case 'beat':
        return void this.#beat(effect.call)
      case 'assigned':
        return this.#inform('assigned', () => this.#member.assigned(effect.partitions))
      case 'revoking':
        return void this.#drain(effect.owned)
      case 'lost':
        return this.#lost(effect.partitions, effect.why)
      case 'left':
        return void this.#left(effect.memberId)
      case 'shut-out':
        return this.#shutOut()
    }
  }

  // ---- requests: each ends in one input

  async #join({ call, subscription }: Extract<Effect, { kind: 'join' }>): Promise<void> {
    const { sessionMs, rebalanceTimeoutMs, instanceId } = this.#o
    if (this.#joinedAt) await this.#hangUp()
    try {
      this.#joinedAt = await this.#d.coordinators.of(this.group)
      const reply = await this.#d.coordinators.call(
        this.#joins,
        this.group,
        'JoinGroup',
        this.group,
        sessionMs,
        rebalanceTimeoutMs,
        call.memberId,
        instanceId ?? null,
        'consumer',
        [{ name: PROTOCOL, metadata: encodeOurSubscription(subscription) }],
        null,
      )
      this.#joinedAt = undefined
      this.#started.resolve()
      this.#reached()
      const { memberId, generationId: generation } = reply
      const leads = reply.leader === memberId
      const members = leads && !reply.skipAssignment ? reply.members.map(applicant) : undefined
      this.#tell({ kind: 'joined', call, memberId, generation, leads, members })
    } catch (error) {
      this.#joinedAt = undefined
      const refusal = refusalOf(error)
      const memberId = partialReply<Reply<'JoinGroup'>>(error)?.memberId
      if (refusal === 'member-id') this.#started.resolve()
      if (refusal === 'hopeless') this.#started.reject(this.#inPlainWords(error))
      this.#trouble(error)
      this.#tell({ kind: 'refused', of: 'join', call, refusal, memberId })
    }
  }

  async #sync({ call, members }: Extract<Effect, { kind: 'sync' }>): Promise<void> {
    try {
      const assignments = members ? await this.#shareOut(call, members) : []
      const { assignment } = await this.#d.coordinators.call(
        this.#joins,
        this.group,
        'SyncGroup',
        this.group,
        call.generation,
        call.memberId,
        this.#o.instanceId ?? null,
        'consumer',
        PROTOCOL,
        assignments,
      )
      const share = decodeShare(assignment)
      // Left out by the one that shared out: its id had changed meanwhile. It is to join again.
      if (share) this.#tell({ kind: 'synced', call, share })
      else this.#tell({ kind: 'refused', of: 'sync', call, refusal: 'elsewhere' })
    } catch (error) {
      this.#trouble(error)
      this.#tell({ kind: 'refused', of: 'sync', call, refusal: refusalOf(error) })
    }
  }

  async #shareOut(
    { generation }: Call,
    applicants: readonly Applicant[],
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const topics = [...new Set(applicants.flatMap(({ subscription }) => subscription.topics))]
    const counts = await Promise.all(
      topics.map(async topic => [topic, (await this.#d.partitions(topic)) ?? 0] as const),
    )
    const shares = shareOut({ generation, applicants, partitions: new Map(counts), now: this.#d.clock.now() })
    return [...shares].map(([memberId, share]) => ({ memberId, assignment: encodeShare(share) }))
  }

  /** True when it was accepted. */
  async #beat(call: Call): Promise<boolean> {
    const { memberId, generation } = call
    try {
      await this.#d.coordinators.call(
        this.#beats,
        this.group,
        'Heartbeat',
        this.group,
        generation,
        memberId,
        this.#o.instanceId ?? null,
      )
      this.#reached()
      this.#tell({ kind: 'accepted', call })
      return true
    } catch (error) {
      const refusal = refusalOf(error)
      this.#trouble(error)
      this.#tell({ kind: 'refused', of: 'beat', call, refusal })
      if (refusal === 'elsewhere') await this.#followCoordinator()
      return refusal === 'rebalance'
    }
  }

  async #sendCommits({ memberId, generation }: Call, commits: readonly Commit[]): Promise<void> {
    const topics = Map.groupBy(commits, ({ topic }) => topic)
    await this.#d.coordinators.call(
      this.#stores,
      this.group,
      'OffsetCommit',
      this.group,
      generation,
      memberId,
      this.#o.instanceId ?? null,
      [...topics].map(([name, commits]) => ({
        name,
        partitions: commits.map(({ partition, offset, note }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: -1,
          committedMetadata: noteToMetadata(note),
        })),
      })),
    )
  }

  // ---- whoever runs the partitions

  #lost(partitions: readonly OwnedPartition[], why: string): void {
    const names = partitions.map(partitionId)
    this.#d.logger.warn(
      { group: this.group, member: this.name, partitions: names },
      `partitions are lost: ${why}`,
    )
    this.#inform('lost', () => this.#member.lost(partitions))
  }

  async #drain(owned: OwnedPartition): Promise<void> {
    try {
      await this.#member.revoking([owned])
    } catch (error) {
      // Given back all the same: what it did not commit is read again by the next owner.
      this.#d.logger.error(
        { group: this.group, member: this.name, partition: partitionId(owned), err: error },
        'group member failed to drain',
      )
    }
    this.#tell({ kind: 'drained', owned })
  }

  #inform(what: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#d.logger.error(
        { group: this.group, member: this.name, what, err: error },
        'group member threw when it was told of partitions',
      )
    }
  }

  // ---- the end

  async #left(memberId: string): Promise<void> {
    if (memberId !== '' && this.#o.leaveOnStop) {
      const groupInstanceId = this.#o.instanceId ?? null
      const leaver = { memberId, groupInstanceId, reason: 'stopped' }
      await this.#d.coordinators
        .call(this.#stores, this.group, 'LeaveGroup', this.group, [leaver])
        .catch(() => {}) // its session runs out by itself
    }
    await this.#end()
  }

  #shutOut(): void {
    this.#d.logger.error(
      { group: this.group, member: this.name, instanceId: this.#o.instanceId },
      `another process has joined group ${this.group} under the instance id ${this.#o.instanceId}, which must be of one process only: this member is out and does not come back; give each process its own and start this one again`,
    )
    void this.#end()
  }

  async #end(): Promise<void> {
    this.#isOver = true
    this.#cancelWake()
    this.#cancelGrowth()
    this.#commits.changed() // what waits is stale now
    this.#started.resolve()
    await Promise.all([this.#beats, this.#stores, this.#joins].map(link => link.close().catch(() => {})))
    this.#over.resolve()
  }

  // ---- looking around

  #lookForGrowth(): void {
    this.#cancelGrowth = this.#d.clock.after(this.#o.growthMs, async () => {
      try {
        for (const [topic, known] of this.#state.sharedOut ?? [])
          if (((await this.#d.partitions(topic)) ?? 0) > known) this.#tell({ kind: 'grown' })
      } catch {
        // Looked at again in a while; the brokers' absence is told elsewhere.
      }
      if (!this.#isOver) this.#lookForGrowth()
    })
  }

  #joinLink(): Link {
    // All members must have joined by then, or be put out.
    return this.#d.makeLink({ requestTimeoutMs: this.#o.rebalanceTimeoutMs + patienceOf(this.#o.sessionMs) })
  }

  /** A join that waits holds up all behind it, at a broker that coordinates no more for ever. */
  async #hangUp(): Promise<void> {
    const old = this.#joins
    this.#joins = this.#joinLink()
    await old.close().catch(() => {})
  }

  async #followCoordinator(): Promise<void> {
    const waits = this.#joinedAt
    if (!waits) return
    const now = await this.#d.coordinators.of(this.group).catch(() => undefined)
    const moved = now && (now.host !== waits.host || now.port !== waits.port)
    if (moved && this.#joinedAt === waits) await this.#hangUp()
  }

  async #pause(ms: number): Promise<void> {
    const due = Promise.withResolvers<void>()
    this.#d.clock.after(ms, due.resolve)
    await due.promise
  }

  // ---- one line when something begins, one when it is over

  #trouble(error: unknown): void {
    const refusal = refusalOf(error)
    if (this.#isOver || (refusal !== 'elsewhere' && refusal !== 'hopeless')) return
    const now = this.#d.clock.monotonic()
    this.#silentSince ??= now
    const isBrief = now - this.#silentSince < this.#o.sessionMs / 3
    if (this.#problem !== undefined || (refusal === 'elsewhere' && isBrief)) return
    const told = this.#inPlainWords(error)
    this.#problem = told.message
    this.#d.logger.warn(
      { group: this.group, member: this.name, err: told },
      'the group coordinator does not serve this member',
    )
  }

  #reached(): void {
    this.#silentSince = undefined
    if (this.#problem === undefined) return
    this.#problem = undefined
    this.#d.logger.info(
      { group: this.group, member: this.name },
      'the group coordinator serves this member again',
    )
  }

  #inPlainWords(error: unknown): HoldfastError {
    return kafkaError(error, {
      doing: `take part in group ${this.group} for ${this.#topics.join(', ')}`,
      grant: `Read on group ${this.group} and Describe on its topics`,
    })
  }
}

/** How long {@link KafkaMember.start} waits for a coordinator. */
const START_PATIENCE_MS = 5_000
const CONFIRM_PAUSE_MS = 50

/** For one request: several must fit into a session. Milliseconds. */
function patienceOf(sessionMs: number): number {
  return Math.max(MIN_PATIENCE_MS, Math.min(5_000, Math.floor(sessionMs / 6)))
}

const MIN_PATIENCE_MS = 1_000

function applicant(member: Reply<'JoinGroup'>['members'][number]): Applicant {
  const subscription = decodeOurSubscription(member.metadata) ?? {
    name: member.memberId,
    topics: [],
    leaving: false,
    generation: -1,
    base: undefined,
    holds: [],
  }
  return { id: member.memberId, subscription }
}

function storedOf(error: unknown, commits: readonly Commit[]): Commit[] {
  const topics = partialReply<Reply<'OffsetCommit'>>(error)?.topics ?? []
  const fine = new Set(
    topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ errorCode }) => errorCode === 0)
        .map(({ partitionIndex }) => partitionId({ topic: name, partition: partitionIndex })),
    ),
  )
  return commits.filter(commit => fine.has(partitionId(commit)))
}
