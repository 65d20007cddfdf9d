import {
  HoldfastError,
  partitionId,
  sleep,
  type Clock,
  type Logger,
  type Random,
} from '../../../event/index.ts'
import type { Commit, Committed, Member, OwnedPartition } from '../../../log/index.ts'
import type { MakeLink } from '../link.ts'
import type { Coordinators } from './coordinators.ts'
import { MemberCommits } from './member-commits.ts'
import type { Call, Effect, Input } from './member-io.ts'
import { invitedAs, MemberRequests, storedOf } from './member-requests.ts'
import { MemberState } from './member-state.ts'
import type { ResolvedGroupOptions } from './options.ts'
import { refusalOf } from './refusal.ts'
import { shareOut, type Applicant } from './share-out.ts'
import type { Share } from './shares.ts'
import { Standing } from './standing.ts'

export interface MemberDeps {
  readonly makeLink: MakeLink
  readonly coordinators: Coordinators
  /** Asked of a broker. Undefined for a topic that does not exist. */
  partitions(topic: string): Promise<number | undefined>
  /** All that the group has, also in topics that nobody reads. */
  positions(group: string): Promise<readonly Committed[]>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * A member of a Kafka group in this process: does what its machine (`member-state.ts`) says, and tells it what came of it.
 */
export class KafkaMember {
  readonly group: string
  readonly name: string
  readonly #d: MemberDeps
  readonly #o: ResolvedGroupOptions
  readonly #member: Member
  readonly #state: MemberState
  readonly #requests: MemberRequests
  readonly #commits: MemberCommits
  readonly #standing: Standing
  /** The highest position asked for in each tenure. */
  readonly #asked = new Map<string, { readonly epoch: bigint; readonly offset: bigint }>()
  readonly #started = Promise.withResolvers<void>()
  readonly #over = Promise.withResolvers<void>()
  readonly #life = new AbortController()
  #cancelWake: () => void = () => {}

  constructor(
    deps: MemberDeps,
    options: ResolvedGroupOptions,
    {
      group,
      topics,
      member,
    }: { readonly group: string; readonly topics: readonly string[]; readonly member: Member },
  ) {
    const { clock, random, logger } = deps
    this.group = group
    this.name = member.name
    this.#d = deps
    this.#o = options
    this.#member = member
    const isStatic = options.instanceId !== undefined
    this.#state = new MemberState({ ...options, name: member.name, topics, isStatic, random })
    this.#requests = new MemberRequests(deps, options, group)
    this.#standing = new Standing({ group, member: member.name, sessionMs: options.sessionMs, clock, logger })
    this.#commits = new MemberCommits({
      group,
      clock,
      may: owned => this.#may(owned),
      send: (call, commits) => this.#requests.commit(call, commits),
      stored: storedOf,
      refused: (call, refusal) => this.#tell({ kind: 'refused', of: 'commit', call, refusal }),
    })
  }

  /**
   * Resolves when the coordinator has taken notice of it, or after a while in which it was not reached: it goes on trying.
   * Rejects when it is refused for good.
   */
  async start(): Promise<void> {
    this.#tell({ kind: 'time' })
    void this.#lookForGrowth()
    void this.#keepPositions()
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
    return this.#may(owned) !== 'never'
  }

  /** Throws `INTERNAL` for a position below one that this tenure has asked for. */
  checkForward({ epoch, offset, ...tp }: Commit): void {
    const asked = this.#asked.get(partitionId(tp))
    if (asked?.epoch !== epoch || offset >= asked.offset) return
    throw new HoldfastError('INTERNAL', {
      detail: `group ${this.group} would go back in ${partitionId(tp)} from ${asked.offset} to ${offset} within epoch ${epoch}`,
    })
  }

  /** True once it is stored, false when the partition is not held under that epoch any more. */
  store(commit: Commit): Promise<boolean> {
    this.#asked.set(partitionId(commit), { epoch: commit.epoch, offset: commit.offset })
    return this.#commits.store(commit)
  }

  async confirm(owned: OwnedPartition): Promise<boolean> {
    for (;;) {
      const call = this.#may(owned)
      if (call === 'never') {
        this.#tell({ kind: 'time' }) // when its lease is out it hears that too
        return false
      }
      if (call !== 'later' && (await this.#beat(call))) return this.isHolding(owned)
      await sleep(this.#d.clock, CONFIRM_PAUSE_MS, this.#life.signal)
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

  #may(owned: OwnedPartition): Call | 'later' | 'never' {
    return this.#life.signal.aborted ? 'never' : this.#state.mayCommit(owned, this.#d.clock.monotonic())
  }

  // ---- the machine

  #tell(input: Input): void {
    if (this.#life.signal.aborted) return
    for (const effect of this.#state.handle(input, this.#d.clock.monotonic())) this.#do(effect)
    this.#commits.changed()
    this.#cancelWake()
    const { wakeAt } = this.#state
    if (this.#life.signal.aborted || wakeAt === Infinity) return
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
    try {
      const joined = await this.#requests.join(call, subscription)
      this.#started.resolve()
      this.#standing.served()
      this.#tell({ kind: 'joined', call, ...joined })
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === 'member-id') this.#started.resolve()
      if (refusal === 'hopeless') this.#started.reject(this.#standing.inPlainWords(error))
      this.#refused('join', call, error)
    }
  }

  async #sync({ call, members }: Extract<Effect, { kind: 'sync' }>): Promise<void> {
    try {
      const shares = members ? await this.#shareOut(call, members) : undefined
      const share = await this.#requests.sync(call, shares)
      // Left out: its id had changed since the one that leads was told of it. It is to join again.
      if (share) this.#tell({ kind: 'synced', call, share })
      else this.#tell({ kind: 'refused', of: 'sync', call, refusal: 'elsewhere' })
    } catch (error) {
      this.#refused('sync', call, error)
    }
  }

  async #shareOut(
    { generation }: Call,
    applicants: readonly Applicant[],
  ): Promise<ReadonlyMap<string, Share>> {
    const topics = [...new Set(applicants.flatMap(({ subscription }) => subscription.topics))]
    const counts = await Promise.all(
      topics.map(async topic => [topic, (await this.#d.partitions(topic)) ?? 0] as const),
    )
    return shareOut({ generation, applicants, partitions: new Map(counts), now: this.#d.clock.now() })
  }

  /** True when it still has its place. */
  async #beat(call: Call): Promise<boolean> {
    try {
      await this.#requests.beat(call)
      this.#standing.served()
      this.#tell({ kind: 'accepted', call })
      return true
    } catch (error) {
      const refusal = refusalOf(error)
      this.#refused('beat', call, error)
      if (refusal === 'elsewhere') await this.#requests.followCoordinator()
      return refusal === 'rebalance'
    }
  }

  #refused(of: 'join' | 'sync' | 'beat', call: Call, error: unknown): void {
    if (this.#life.signal.aborted) return
    this.#standing.failed(error)
    this.#tell({ kind: 'refused', of, call, refusal: refusalOf(error), memberId: invitedAs(error) })
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

  /** Topics may get partitions: the one that leads shares them out. */
  async #lookForGrowth(): Promise<void> {
    const { signal } = this.#life
    for (;;) {
      await sleep(this.#d.clock, this.#o.growthMs, signal)
      if (signal.aborted) return
      try {
        for (const [topic, known] of this.#state.sharedOut ?? [])
          if (((await this.#d.partitions(topic)) ?? 0) > known) this.#tell({ kind: 'grown' })
      } catch {
        // Looked at again in a while; that no broker answers is told by the beats.
      }
    }
  }

  /**
   * Brokers forget positions in topics that a group reads no more, though it may read them again, and they are the only
   * word of where it was. Stored again by the one that leads: what nobody of the group reads, nobody else stores, and a
   * member that is put out is refused.
   */
  async #keepPositions(): Promise<void> {
    const { signal } = this.#life
    const { clock } = this.#d
    // Soon at first: a process may never live for a day.
    for (let ms = FIRST_KEEP_MS; ; ms = KEEP_MS) {
      await sleep(clock, ms, signal)
      if (signal.aborted) return
      try {
        if (!this.#state.leading(clock.monotonic())) continue
        const all = await this.#d.positions(this.group)
        const now = this.#state.leading(clock.monotonic())
        const unread = all.filter(({ topic }) => now && !now.topics.has(topic))
        if (!now || unread.length === 0) continue
        const commits = unread.map(position => ({ ...position, epoch: 0n }))
        await this.#requests.commit(now.call, commits)
      } catch {
        // Tried again tomorrow: they are kept for a week.
      }
    }
  }

  // ---- the end

  async #left(memberId: string): Promise<void> {
    // Who does not say so, or is not heard, is missed when its session is over.
    if (memberId !== '' && this.#o.leaveOnStop) await this.#requests.leave(memberId).catch(() => {})
    await this.#end()
  }

  #shutOut(): void {
    const { instanceId } = this.#o
    this.#d.logger.error(
      { group: this.group, member: this.name, instanceId },
      `another process has joined group ${this.group} under the instance id ${instanceId}, which only one may have: this member is out and does not come back. Give each process an id of its own, then start this one again`,
    )
    void this.#end()
  }

  async #end(): Promise<void> {
    this.#life.abort()
    this.#cancelWake()
    this.#commits.changed() // what waits is stale now
    this.#started.resolve()
    await this.#requests.close()
    this.#over.resolve()
  }
}

/** How often positions that nobody moves are stored again. */
const KEEP_MS = 86_400_000
const FIRST_KEEP_MS = 60_000
/** How long {@link KafkaMember.start} waits for a coordinator. */
const START_PATIENCE_MS = 5_000
const CONFIRM_PAUSE_MS = 50
