import {
  HoldfastError,
  partitionId,
  type Clock,
  type Logger,
  type Offset,
  type Position,
  type Random,
  type TopicPartition,
} from '../../../event/index.ts'
import type {
  Commit,
  CommitOutcome,
  Committed,
  GroupDescription,
  Groups,
  Member,
  Membership,
} from '../../../log/index.ts'
import type { Broker, MakeLink } from '../link.ts'
import { Coordinators } from './coordinators.ts'
import { active, deleteGroup, description, fetchRoll, type Roll } from './directory.ts'
import { GroupRequests } from './group-requests.ts'
import { listGroups } from './list-groups.ts'
import { KafkaMember } from './member.ts'
import type { ResolvedGroupOptions } from './options.ts'
import { checkAgainstEnds, checkNote, fetchPositions, forgetPositions, putPositions } from './positions.ts'

export interface KafkaGroupsDeps {
  readonly makeLink: MakeLink
  /** Those known, and those to begin with. */
  brokers(): readonly Broker[]
  /** Those that are up, asked of one of them. Rejects with `LOG_STALLED`, `LOG_DENIED`. */
  live(): Promise<readonly Broker[]>
  /** Asked of a broker. Undefined for a topic that does not exist. */
  partitions(topic: string): Promise<number | undefined>
  /** By partition id, where they end now; those that do not exist are left out. */
  ends(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface KafkaGroups extends Groups {
  /** Takes the positions in a topic out of all groups of ours that do not read it. */
  forgetTopic(topic: string): Promise<void>
  /** Stores positions with their notes for a group without members. Rejects as {@link Groups.move} does. */
  putPositions(group: string, positions: readonly Committed[]): Promise<void>
  /** All members of this process leave, each after its drain. The second call does nothing. */
  close(): Promise<void>
  /** As if the process had died: nothing is drained, nobody leaves. */
  abandon(): Promise<void>
}

/**
 * Groups on a Kafka cluster: members of our own (`member.ts`), each with its place at the group's coordinator, which
 * stores positions, and refuses those of a member that it has put out.
 *
 * What a commit is fenced by: at the coordinator by the member's id and generation, both as they are when it is sent; here
 * by the epoch, for the member commits only what it has held without a break since it was given it. The epoch also orders
 * the owners of a partition for people. A process that takes the place of one with its instance id, in time, is given its
 * partitions under the same epochs: between these two the member id decides, and the database's lease, which has an epoch
 * of its own.
 */
export function kafkaGroups(deps: KafkaGroupsDeps, options: ResolvedGroupOptions): KafkaGroups {
  return new OpenGroups(deps, options)
}

class OpenGroups implements KafkaGroups {
  readonly #d: KafkaGroupsDeps
  readonly #o: ResolvedGroupOptions
  readonly #life = new AbortController()
  readonly #link: ReturnType<MakeLink>
  readonly #coordinators: Coordinators
  readonly #requests: GroupRequests
  readonly #members = new Set<KafkaMember>()
  /** Where partitions were seen to end: they only grow. */
  readonly #ends = new Map<string, Offset>()
  #closing: Promise<void> | undefined

  constructor(deps: KafkaGroupsDeps, options: ResolvedGroupOptions) {
    this.#d = deps
    this.#o = options
    this.#link = deps.makeLink({ requestTimeoutMs: REQUEST_TIMEOUT_MS })
    const { clock, random } = deps
    this.#coordinators = new Coordinators({ brokers: () => deps.brokers(), link: this.#link })
    const signal = this.#life.signal
    this.#requests = new GroupRequests({
      coordinators: this.#coordinators,
      link: this.#link,
      clock,
      random,
      signal,
    })
  }

  async join(group: string, topics: readonly string[], member: Member): Promise<Membership> {
    checkGroupName(group)
    this.#checkOpen(`joining group ${group}`)
    for (const topic of topics) {
      if ((await this.#d.partitions(topic)) === undefined)
        throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `group ${group} names topic ${topic}` })
    }
    this.#checkOpen(`joining group ${group}`)
    const local = this.#member(this.#o, { group, topics, member })
    this.#members.add(local)
    try {
      await local.start()
    } catch (error) {
      this.#members.delete(local)
      await local.abandon()
      throw error
    }
    return {
      leave: async () => {
        await local.leave()
        this.#members.delete(local)
      },
      confirm: owned => local.confirm(owned),
    }
  }

  async commit(group: string, commits: readonly Commit[]): Promise<readonly CommitOutcome[]> {
    commits.forEach(checkNote)
    const owners = commits.map(commit => this.#local(group).find(member => member.isHolding(commit)))
    const ours = commits.filter((_, i) => owners[i])
    await this.#checkEnds(group, ours)
    for (const [i, commit] of commits.entries()) owners[i]?.checkForward(commit)
    const stored = await Promise.all(
      commits.map(async (commit, i) => (await owners[i]?.store(commit)) ?? false),
    )
    const roll = stored.includes(false) ? await this.#roll(group).catch(() => undefined) : undefined
    return commits.map((commit, i) => {
      if (stored[i]) return { kind: 'committed' }
      const current = roll?.owners.get(partitionId(commit))
      return { kind: 'stale', epoch: current?.epoch ?? 0n, owner: current?.owner }
    })
  }

  async committed(group: string): Promise<readonly Committed[]> {
    const positions = await fetchPositions(this.#requests, group)
    // In this order: read before, an end may be below a position that was stored since.
    checkAgainstEnds(group, positions, await this.#endsOf(positions))
    return positions
  }

  list(): Promise<readonly string[]> {
    const { clock, random } = this.#d
    const live = (): Promise<readonly Broker[]> => this.#d.live()
    return listGroups({ link: this.#link, live, clock, random, signal: this.#life.signal })
  }

  async describe(group: string): Promise<GroupDescription> {
    const [roll, positions] = await Promise.all([this.#roll(group), fetchPositions(this.#requests, group)])
    return description(group, roll, positions)
  }

  async move(group: string, positions: readonly Position[]): Promise<void> {
    checkGroupName(group)
    const notes = new Map(
      (await fetchPositions(this.#requests, group)).map(position => [partitionId(position), position.note]),
    )
    await this.putPositions(
      group,
      positions.map(({ topic, partition, offset }) => {
        const note = notes.get(partitionId({ topic, partition }))
        return { topic, partition, offset, note }
      }),
    )
  }

  async putPositions(group: string, positions: readonly Committed[]): Promise<void> {
    checkGroupName(group)
    const roll = await fetchRoll(this.#requests, group)
    if (!roll.isEmpty) throw active(group, roll.members)
    await this.#checkEnds(group, positions)
    await putPositions(this.#requests, group, positions)
  }

  /** Brokers count from when the last member left: so one comes, takes what there is, and leaves. */
  async keep(group: string): Promise<void> {
    this.#checkOpen(`keeping the positions of group ${group}`)
    if (!(await fetchRoll(this.#requests, group)).isEmpty) return
    const positions = await fetchPositions(this.#requests, group)
    const counts = await Promise.all(
      [...new Set(positions.map(({ topic }) => topic))].map(
        async topic => [topic, await this.#d.partitions(topic)] as const,
      ),
    )
    const topics = counts.flatMap(([topic, count]) => (count === undefined ? [] : [topic]))
    if (topics.length === 0) return
    const there = Promise.withResolvers<void>()
    const guest: Member = {
      name: 'keeps positions',
      assigned: () => there.resolve(),
      async revoking() {},
      lost() {},
    }
    const options = { ...this.#o, instanceId: undefined, leaveOnStop: true }
    const local = this.#member(options, { group, topics, member: guest })
    this.#members.add(local)
    const cancel = this.#d.clock.after(KEEP_PATIENCE_MS, there.resolve)
    try {
      await local.start()
      await there.promise
      await local.leave()
    } finally {
      cancel()
      this.#members.delete(local)
      await local.abandon()
    }
  }

  #member(
    options: ResolvedGroupOptions,
    of: { readonly group: string; readonly topics: readonly string[]; readonly member: Member },
  ): KafkaMember {
    const deps = {
      ...this.#d,
      coordinators: this.#coordinators,
      positions: (group: string) => fetchPositions(this.#requests, group),
    }
    return new KafkaMember(deps, options, of)
  }

  delete(group: string): Promise<void> {
    return deleteGroup(this.#requests, group)
  }

  async forgetTopic(topic: string): Promise<void> {
    for (const group of await this.list()) {
      const positions = (await fetchPositions(this.#requests, group)).filter(at => at.topic === topic)
      if (positions.length > 0)
        await forgetPositions(
          this.#requests,
          group,
          topic,
          positions.map(({ partition }) => partition),
        )
    }
    for (const id of this.#ends.keys()) if (id.startsWith(`${topic}/`)) this.#ends.delete(id)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#members].map(member => member.leave()))
      await this.#shut()
    })()
    return this.#closing
  }

  abandon(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#members].map(member => member.abandon()))
      await this.#shut()
    })()
    return this.#closing
  }

  async #shut(): Promise<void> {
    this.#members.clear()
    this.#life.abort()
    await this.#link.close().catch(() => {})
  }

  #checkOpen(doing: string): void {
    if (this.#closing) throw new HoldfastError('LOG_CLOSED', { detail: doing })
  }

  #local(group: string): KafkaMember[] {
    return [...this.#members].filter(member => member.group === group)
  }

  /** Members of this process know what they hold, also while a round is under way. */
  async #roll(group: string): Promise<Roll> {
    const roll = await fetchRoll(this.#requests, group)
    const owners = new Map(roll.owners)
    for (const member of this.#local(group))
      for (const owned of member.holds) owners.set(partitionId(owned), { ...owned, owner: member.name })
    return { ...roll, owners }
  }

  /** Rejects with `OFFSET_OUT_OF_RANGE` for a position above the end; asks only when it is above what was seen. */
  async #checkEnds(group: string, positions: readonly Position[]): Promise<void> {
    const isNew = (at: Position): boolean => at.offset > (this.#ends.get(partitionId(at)) ?? -1n)
    await this.#endsOf(positions.filter(isNew))
    for (const { topic, partition, offset } of positions) {
      const id = partitionId({ topic, partition })
      const end = this.#ends.get(id)
      if (end === undefined)
        throw new HoldfastError('LOG_TOPIC_UNKNOWN', { detail: `group ${group} names ${id}` })
      if (offset > end)
        throw new HoldfastError('OFFSET_OUT_OF_RANGE', {
          detail: `group ${group} cannot stand at ${offset} of ${id}, which ends at ${end}`,
          facts: { end },
        })
    }
  }

  async #endsOf(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>> {
    if (partitions.length === 0) return new Map()
    const ends = await this.#d.ends(partitions)
    for (const [id, end] of ends) this.#ends.set(id, end)
    return ends
  }
}

const REQUEST_TIMEOUT_MS = 5_000
const KEEP_PATIENCE_MS = 30_000

/** The names that the embedded log takes, so that an app can move from one to the other. */
function checkGroupName(group: string): void {
  if (/^[a-zA-Z0-9._-]{1,200}$/.test(group)) return
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `group must be 1 to 200 of the characters a-z A-Z 0-9 . _ -, got ${JSON.stringify(group)}`,
  })
}
