import { partitionId } from '../../../event/index.ts'
import type { Commit } from '../../../log/index.ts'
import { partialReply } from '../errors.ts'
import type { Broker, Link, MakeLink, Reply } from '../link.ts'
import type { Coordinators } from './coordinators.ts'
import type { Call } from './member-io.ts'
import type { ResolvedGroupOptions } from './options.ts'
import { noteToMetadata } from './positions.ts'
import type { Applicant } from './share-out.ts'
import {
  decodeOurSubscription,
  decodeShare,
  encodeOurSubscription,
  encodeShare,
  PROTOCOL,
  type Share,
  type Subscription,
} from './shares.ts'

export interface Joined {
  readonly memberId: string
  readonly generation: number
  readonly leads: boolean
  /** Only for the one that is to share out. */
  readonly members: readonly Applicant[] | undefined
}

/**
 * What a member sends to the coordinator of its group. Rejects with what the broker or the client package says.
 *
 * Three links, because a broker answers the requests of a connection one after the other: a join waits for all members, a
 * commit for replicas, and a beat must wait for neither.
 */
export class MemberRequests {
  readonly #group: string
  readonly #o: ResolvedGroupOptions
  readonly #makeLink: MakeLink
  readonly #coordinators: Coordinators
  readonly #instanceId: string | null
  readonly #beats: Link
  readonly #commits: Link
  #rounds: Link
  /** The join or sync that waits, and where. */
  #waiting: { at: Broker | undefined } | undefined

  constructor(
    deps: { readonly makeLink: MakeLink; readonly coordinators: Coordinators },
    options: ResolvedGroupOptions,
    group: string,
  ) {
    this.#group = group
    this.#o = options
    this.#makeLink = deps.makeLink
    this.#coordinators = deps.coordinators
    this.#instanceId = options.instanceId ?? null
    this.#beats = deps.makeLink({ requestTimeoutMs: patienceOf(options.sessionMs) })
    this.#commits = deps.makeLink({ requestTimeoutMs: patienceOf(options.sessionMs) })
    this.#rounds = this.#roundLink()
  }

  /** Answered when all have joined. One that waits already is given up: its answer is of no use any more. */
  async join({ memberId }: Call, subscription: Subscription): Promise<Joined> {
    const { sessionMs, rebalanceTimeoutMs } = this.#o
    const protocols = [{ name: PROTOCOL, metadata: encodeOurSubscription(subscription) }]
    const reply = await this.#inRound(link =>
      this.#coordinators.call(
        link,
        this.#group,
        'JoinGroup',
        this.#group,
        sessionMs,
        rebalanceTimeoutMs,
        memberId,
        this.#instanceId,
        'consumer',
        protocols,
        null,
      ),
    )
    const leads = reply.leader === reply.memberId
    return {
      memberId: reply.memberId,
      generation: reply.generationId,
      leads,
      // It leads, and everybody has a share already: a static member that came back.
      members: leads && !reply.skipAssignment ? reply.members.map(applicant) : undefined,
    }
  }

  /** Answered when the one that leads has shared out. Undefined: it left this member out. */
  async sync(
    { memberId, generation }: Call,
    shares: ReadonlyMap<string, Share> | undefined,
  ): Promise<Share | undefined> {
    const assignments = [...(shares ?? [])].map(([memberId, share]) => ({
      memberId,
      assignment: encodeShare(share),
    }))
    const { assignment } = await this.#inRound(link =>
      this.#coordinators.call(
        link,
        this.#group,
        'SyncGroup',
        this.#group,
        generation,
        memberId,
        this.#instanceId,
        'consumer',
        PROTOCOL,
        assignments,
      ),
    )
    return decodeShare(assignment)
  }

  async beat({ memberId, generation }: Call): Promise<void> {
    await this.#coordinators.call(
      this.#beats,
      this.#group,
      'Heartbeat',
      this.#group,
      generation,
      memberId,
      this.#instanceId,
    )
  }

  async commit({ memberId, generation }: Call, commits: readonly Commit[]): Promise<void> {
    const topics = Map.groupBy(commits, ({ topic }) => topic)
    await this.#coordinators.call(
      this.#commits,
      this.#group,
      'OffsetCommit',
      this.#group,
      generation,
      memberId,
      this.#instanceId,
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

  async leave(memberId: string): Promise<void> {
    const leaver = { memberId, groupInstanceId: this.#instanceId, reason: 'stopped' }
    await this.#coordinators.call(this.#commits, this.#group, 'LeaveGroup', this.#group, [leaver])
  }

  /** A join waits for longer than a broker may be gone: whoever finds that another coordinates now ends the wait. */
  async followCoordinator(): Promise<void> {
    const waiting = this.#waiting
    if (!waiting?.at) return
    const { host, port } = waiting.at
    const now = await this.#coordinators.of(this.#group).catch(() => undefined)
    const moved = now && (now.host !== host || now.port !== port)
    if (moved && this.#waiting === waiting) this.#hangUp()
  }

  async close(): Promise<void> {
    await Promise.all([this.#beats, this.#commits, this.#rounds].map(link => link.close().catch(() => {})))
  }

  async #inRound<Answer>(ask: (link: Link) => Promise<Answer>): Promise<Answer> {
    if (this.#waiting) this.#hangUp()
    const waiting = { at: undefined as Broker | undefined }
    this.#waiting = waiting
    const link = this.#rounds
    try {
      waiting.at = await this.#coordinators.of(this.#group)
      return await ask(link)
    } finally {
      if (this.#waiting === waiting) this.#waiting = undefined
    }
  }

  /** What waits there fails. */
  #hangUp(): void {
    const old = this.#rounds
    this.#rounds = this.#roundLink()
    this.#waiting = undefined
    void old.close().catch(() => {}) // nothing is said on it any more
  }

  #roundLink(): Link {
    // All members must have joined by then, or be put out.
    const { rebalanceTimeoutMs, sessionMs } = this.#o
    return this.#makeLink({ requestTimeoutMs: rebalanceTimeoutMs + patienceOf(sessionMs) })
  }
}

/** Those of the commits that were stored though their request was rejected. */
export function storedOf(error: unknown, commits: readonly Commit[]): Commit[] {
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

/** The id that a refused first join was given. */
export function invitedAs(error: unknown): string | undefined {
  return partialReply<Reply<'JoinGroup'>>(error)?.memberId
}

/** For one request: several must fit into a session. Milliseconds. */
function patienceOf(sessionMs: number): number {
  return Math.max(MIN_PATIENCE_MS, Math.min(MAX_PATIENCE_MS, Math.floor(sessionMs / 6)))
}

const MIN_PATIENCE_MS = 1_000
const MAX_PATIENCE_MS = 5_000

function applicant({ memberId: id, metadata }: Reply<'JoinGroup'>['members'][number]): Applicant {
  const said = decodeOurSubscription(metadata)
  // Under the name of our protocol, and not ours: it is given nothing.
  const none = { name: id, topics: [], leaving: false, generation: -1, base: undefined, holds: [] }
  return { id, subscription: said ?? none }
}
