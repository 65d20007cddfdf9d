import { partitionId, type Position } from '../event/index.ts'
import type { Groups, Membership, OwnedPartition } from '../log/index.ts'
import type { JobTopic } from '../recover/index.ts'
import { GroupCommits } from './group-commits.ts'
import type { GroupContext } from './group-context.ts'
import { FLOOD } from './flood.ts'
import { GroupStanding } from './group-standing.ts'
import { limiter } from './limits.ts'
import { PartitionSlot, type SlotParts } from './partition-slot.ts'
import type { GroupStatus } from './status.ts'

/**
 * One group in this process: a member that takes over the partitions it is given, commits what is done, and hands
 * over what it must give away.
 *
 * Taking over, in this order: own it (the log says so) → take the database lease, which shuts out the former owner →
 * read the position and its note → what the retry lane asks for (`partition-owner.ts`) → deliver. A position read before
 * the lease could be older than what the former owner still applied; the inbox would answer, but nothing needs it to.
 */
export interface GroupRunner {
  readonly group: string
  start(): Promise<void>
  status(): Promise<Omit<GroupStatus, 'deadLetters'>>
  /** Whether this process has the event in work: taken from the log, and not settled. */
  works(at: Position): boolean
  /** Takes in no more until {@link resume}; still a member, positions kept. */
  pause(reason: string): void
  /** Ends a pause, also one by the flood guard; `allowDeadForMs` lets events die for that long. */
  resume(options?: { allowDeadForMs?: number }): void
  /**
   * Goes on after retention overtook the group: a decision, logged with its reason and what was lost. Answers how many
   * partitions went on.
   */
  acceptLoss(reason: string): Promise<number>
  /** Drains for at most `drainMs`, commits, leaves. The second call waits for the first. */
  stop(drainMs: number): Promise<void>
}

export interface GroupRunnerOptions {
  readonly context: GroupContext
  readonly groups: Groups
  /** Replays, for a group with effects. */
  readonly jobs: JobTopic | undefined
  /** Shown to people: host and process. */
  readonly memberName: string
  /** Positions are committed at most this often. */
  readonly commitEveryMs: number
  /** A partition that is wanted elsewhere may finish its handlers for this long. */
  readonly revokeDrainMs: number
}

export function groupRunner(options: GroupRunnerOptions): GroupRunner {
  return new Runner(options)
}

/** What waits for a commit (an event's first retry, a dead letter) waits at least so long. */
const COMMIT_SOON_MS = 5

class Runner implements GroupRunner {
  readonly group: string
  readonly #o: GroupRunnerOptions
  readonly #c: GroupContext
  readonly #slots = new Map<string, PartitionSlot>()
  readonly #parts: SlotParts
  readonly #life = new AbortController()
  readonly #commits: GroupCommits
  readonly #standing: GroupStanding
  #membership: Membership | undefined
  #stopping: Promise<void> | undefined
  /** Once it stops: how long what is revoked may take. */
  #stopDrainMs: number | undefined

  constructor(options: GroupRunnerOptions) {
    this.#o = options
    this.#c = options.context
    this.group = options.context.settings.group
    this.#commits = new GroupCommits({
      groups: options.groups,
      group: this.group,
      clock: options.context.clock,
      everyMs: options.commitEveryMs,
      soonMs: COMMIT_SOON_MS,
      due: () => [...this.#slots.values()].forEach(slot => slot.owner?.commit()),
    })
    this.#standing = new GroupStanding({
      context: options.context,
      groups: options.groups,
      memberName: options.memberName,
      slots: this.#slots,
      signal: this.#life.signal,
    })
    const { context, groups, jobs, memberName } = options
    this.#parts = {
      context,
      groups,
      jobs,
      memberName,
      // A quarter of what live events have.
      replayPlaces: limiter(Math.max(1, Math.floor(context.settings.concurrency / 4))),
      commits: this.#commits,
      drainMs: options.revokeDrainMs,
      confirm: async owned => this.#membership?.confirm(owned),
      lost: owned => this.#lost([owned]),
    }
  }

  status(): Promise<Omit<GroupStatus, 'deadLetters'>> {
    return this.#standing.read()
  }

  async start(): Promise<void> {
    const topics = this.#c.settings.topics.map(topic => topic.name)
    this.#membership = await this.#o.groups.join(this.group, topics, {
      name: this.#o.memberName,
      assigned: owned => this.#assigned(owned),
      revoking: async partitions => {
        const drainMs = this.#stopDrainMs ?? this.#o.revokeDrainMs
        await Promise.all(this.#slotsOf(partitions).map(slot => this.#giveAway(slot, drainMs)))
      },
      lost: partitions => this.#lost(partitions),
    })
  }

  works(at: Position): boolean {
    return this.#slots.get(partitionId(at))?.owner?.works(at.offset) ?? false
  }

  pause(reason: string): void {
    this.#c.gate.shut('operator', reason)
  }

  resume(options: { allowDeadForMs?: number } = {}): void {
    if (options.allowDeadForMs !== undefined)
      this.#c.guard.allow(this.#c.clock.monotonic(), options.allowDeadForMs)
    this.#c.gate.open('operator')
    this.#c.gate.open(FLOOD)
  }

  async acceptLoss(reason: string): Promise<number> {
    let count = 0
    for (const slot of this.#slots.values()) if (await slot.acceptLoss(reason)) count += 1
    return count
  }

  stop(drainMs: number): Promise<void> {
    this.#stopping ??= (async () => {
      this.#stopDrainMs = drainMs
      // All at once, each given away by the leave as soon as it is drained. It does not wait for the leave to ask: a log
      // that answers late must not cost the drain its time.
      const drained = [...this.#slots.values()].map(slot => this.#giveAway(slot, drainMs))
      const left = this.#membership?.leave()
      await Promise.all(drained)
      await left
      this.#commits.stop()
      this.#life.abort()
    })()
    return this.#stopping
  }

  // ---- partitions come and go

  #assigned(owned: readonly OwnedPartition[]): void {
    this.#c.observer.rebalanced?.({ group: this.group })
    for (const one of owned) {
      const slot = new PartitionSlot(this.#parts, one)
      this.#slots.set(partitionId(one), slot)
      slot.begin()
    }
  }

  #slotsOf(partitions: readonly OwnedPartition[]): PartitionSlot[] {
    return partitions.flatMap(one => this.#slots.get(partitionId(one)) ?? [])
  }

  async #giveAway(slot: PartitionSlot, drainMs: number): Promise<void> {
    await slot.giveAway(drainMs)
    const id = partitionId(slot.owned)
    if (this.#slots.get(id) === slot) this.#slots.delete(id)
  }

  #lost(partitions: readonly OwnedPartition[]): void {
    for (const one of partitions) {
      const slot = this.#slots.get(partitionId(one))
      // Only the tenure that was lost: the partition may have come back under a new epoch already.
      if (!slot || slot.owned.epoch !== one.epoch) continue
      this.#slots.delete(partitionId(one))
      slot.abandon()
    }
  }
}
