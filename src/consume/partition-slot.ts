import { HoldfastError, isHoldfastError, partitionId, sleep, type Offset } from '../event/index.ts'
import type { Committed, Groups, OwnedPartition } from '../log/index.ts'
import { failureText, type JobTopic } from '../recover/index.ts'
import { laneTopicOf, newTenureId } from '../recover/lane/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Lease } from '../sink/index.ts'
import { takeLease } from './database-lease.ts'
import { generations, type Generations } from './generations.ts'
import type { GroupCommits } from './group-commits.ts'
import type { GroupContext } from './group-context.ts'
import type { OwnedSlot } from './group-standing.ts'
import type { Limiter } from './limits.ts'
import { partitionOwner, type PartitionOwner } from './partition-owner.ts'
import {
  beginRange,
  RangeRun,
  replayWorker,
  type RangeParts,
  type Refused,
  type ReplayWorker,
} from './replay/index.ts'

/** What all partitions of a group in this process share. */
export interface SlotParts {
  readonly context: GroupContext
  readonly groups: Groups
  /** Replays, for a group with effects. */
  readonly jobs: JobTopic | undefined
  readonly memberName: string
  /** For replays: a part of what live events have. */
  readonly replayPlaces: Limiter
  readonly commits: GroupCommits
  /** How long handlers may go on when something is to be done that nobody may be at work for. */
  readonly drainMs: number
  /** Whether the log says that the partition is ours. Undefined: this process is no member yet. */
  confirm(owned: OwnedPartition): Promise<boolean | undefined>
  /** Another owns the partition. */
  lost(owned: OwnedPartition): void
}

const TAKEOVER_RETRY_MS = 1_000

/** What stops one partition: damage, a position that is lost, the database of another log. The others are whole and go on. */
const OF_ONE_PARTITION = [
  'LOG_CORRUPT',
  'LOG_VERSION',
  'LOG_RECORD_TOO_LARGE',
  'POSITION_LOST',
  'SINK_AHEAD',
] as const

/**
 * A partition that is ours, from the moment the log said so until it is given away or lost. It has an owner at work, with
 * replays beside it, or is being taken over, again and again until that has worked; see {@link GroupRunner} for the order.
 */
export class PartitionSlot implements OwnedSlot {
  readonly owned: OwnedPartition
  owner: PartitionOwner | undefined
  /** Set while a range is run again, and nothing newer. */
  range: RangeRun | undefined
  committed: Offset | undefined
  /** Why taking over failed last; it is tried again. */
  problem: string | undefined
  /** Why it could not be taken over and never will by itself: damage in the log. */
  stopped: string | undefined
  readonly #p: SlotParts
  readonly #c: GroupContext
  /** Ends the takeover. */
  readonly #abort = new AbortController()
  #takeover: Promise<void> = Promise.resolve()
  #replays: ReplayWorker | undefined
  /** Ranges that cannot be run again here. */
  readonly #refused: Refused = new Map()
  /** Its owner is let go, and the next one takes over when something is done that nobody may be at work for. */
  #between = false
  /** Set once it is drained and given away. */
  #givenAway: Promise<void> | undefined

  constructor(parts: SlotParts, owned: OwnedPartition) {
    this.owned = owned
    this.#p = parts
    this.#c = parts.context
  }

  begin(): void {
    this.#takeover = this.#takeOver()
  }

  /** Drains for at most `drainMs`, and lets go. The second call waits for the first. */
  giveAway(drainMs: number): Promise<void> {
    this.#givenAway ??= (async () => {
      this.#abort.abort()
      await this.#takeover
      await Promise.all([this.owner?.stop(drainMs), this.#replays?.stop(drainMs)])
    })()
    return this.#givenAway
  }

  /** Drops everything: another owns it. Nothing waits for that. */
  abandon(): void {
    this.#abort.abort()
    void this.owner?.abandon()
    void this.#replays?.stop(0)
  }

  /** Goes on behind what retention deleted unread. False when it has lost nothing. */
  async acceptLoss(reason: string): Promise<boolean> {
    const start = this.owner?.lostUpTo
    if (!this.owner || start === undefined || this.range) return false
    const from = this.owner.commitable
    await Promise.all([this.owner.stop(0), this.#replays?.stop(0)])
    this.owner = this.#replays = undefined
    // The note stays: the retry lane has lost nothing, and without its note nobody could tell what counts in it.
    await this.#store(start, (await this.#committed())?.note)
    const lost = { from: String(from), to: String(start), reason }
    this.#c.logger.warn(
      { ...this.#facts, lost },
      'retention overtook the group: it goes on behind what was lost, as was decided',
    )
    this.#takeover = this.#takeOver()
    return true
  }

  // ---- taking over

  async #takeOver(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        return await this.#tryTakeOver(signal)
      } catch (error) {
        if (signal.aborted || isHoldfastError(error, 'EPOCH_STALE')) return
        // A retry lane that is not there may be on its way: whoever adds partitions makes it first.
        const mayCome = isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')
        if (isHoldfastError(error) && !error.retriable && !mayCome) return this.#stop(error)
        this.problem = `taking it over failed, tried again: ${failureText(error)}`
        this.#c.logger.warn(this.#facts, this.problem)
        await sleep(this.#c.clock, TAKEOVER_RETRY_MS, signal)
      }
    }
  }

  async #tryTakeOver(signal: AbortSignal): Promise<void> {
    const { log, settings, sink } = this.#c
    const { owned } = this
    const { memberName } = this.#p
    const confirm = async (): Promise<boolean> => (await this.#p.confirm(owned)) ?? true
    const since = await this.#newSince()
    const lease = await takeLease({ context: this.#c, owned, memberName, since, confirm }, signal)
    if (signal.aborted) return
    const topic = settings.topics.find(one => one.name === owned.topic)
    const lane = await log.bounds({ ...owned, topic: laneTopicOf(owned.topic, settings.group) })
    const committed = await this.#startOf(lane.end > 0n)
    const { start, end } = await log.bounds(owned)
    this.#checkApplied(lease, end)
    const known = await generations(sink, lease, start)
    const parts = this.#rangeParts(lease, known)
    const range = parts && known.open && new RangeRun(parts, known.open)
    const perSecond = await range?.perSecond()
    if (!topic || signal.aborted) return
    this.committed = committed.offset
    this.problem = undefined
    this.range = range
    this.owner = partitionOwner({
      context: range?.context ?? this.#c,
      topic,
      owned,
      committed,
      laneStart: lane.start,
      generations: known,
      perSecond,
      ...(range && { taken: () => range.taken() }),
      live: () => this.#beside(topic, parts),
      commitDue: when => this.#p.commits.ask(when),
      store: (position, note) =>
        range
          ? range.store(
              position,
              () => this.#store(committed.offset, note),
              () => void this.#fenced(),
            )
          : this.#store(position, note),
      fenced: () => void this.#fenced(),
      failed: error => void this.#failed(error),
    })
  }

  /**
   * The committed position, else the start that the policy names: written down at once, so that it is decided once.
   * Whoever takes over writes to the retry lane afterwards, so of a lane that was written to there was a position: a log
   * that forgets those of groups that rest for long must not make it begin anew, or leave out what came meanwhile.
   */
  async #startOf(hasBegun: boolean): Promise<{ readonly offset: Offset; readonly note: string | undefined }> {
    const { log, settings } = this.#c
    const { topic, partition } = this.owned
    const known = await this.#committed()
    if (known) return known
    const { start, end } = await log.bounds(this.owned)
    if (hasBegun) {
      const { group } = settings
      throw new HoldfastError('POSITION_LOST', {
        detail: `${group} has worked on ${partitionId(this.owned)} before, and the log has no position of it any more; events from ${start} to ${end} are kept`,
        facts: { group, topic, partition, start, end },
      })
    }
    const { from } = settings
    const first =
      from === 'earliest' ? start : from === 'latest' ? end : await log.offsetAt(this.owned, from.getTime())
    await this.#store(first, undefined)
    return { offset: first, note: undefined }
  }

  /**
   * The database of another log: one that was restored, or a topic that was made anew. Where offsets tell what was
   * applied, what comes now would be skipped up to the old end, and nobody would see it.
   */
  #checkApplied(lease: Lease | undefined, end: Offset): void {
    const below = lease?.appliedBelow
    if (below === undefined || below <= end || this.#c.settings.dedup !== 'offsets') return
    const { group } = this.#c.settings
    throw new HoldfastError('SINK_AHEAD', {
      detail: `${group} has applied ${partitionId(this.owned)} up to ${below}, and the log ends at ${end}`,
      facts: { group, ...this.owned, below, end },
    })
  }

  /** Positions go with their topic: only where there is none yet the group begins with one that was made again. */
  async #newSince(): Promise<bigint | undefined> {
    const since = this.#c.deletedAt(this.owned.topic)
    return since === undefined || (await this.#committed()) ? undefined : since
  }

  async #committed(): Promise<Committed | undefined> {
    const { topic, partition } = this.owned
    const all = await this.#p.groups.committed(this.#c.settings.group)
    return all.find(one => one.topic === topic && one.partition === partition)
  }

  // ---- replays

  #rangeParts(lease: Lease | undefined, known: Generations): RangeParts | undefined {
    const { sink, random } = this.#c
    const { jobs } = this.#p
    if (!sink || !jobs || !lease) return undefined
    return {
      context: this.#c,
      sink,
      jobs,
      lease,
      owned: this.owned,
      generations: known,
      tenure: newTenureId(random),
      between: step => this.#doBetween(step),
    }
  }

  /** Not before the owner is live: until then nobody knows what waits for a retry. */
  #beside(topic: AnyTopic, parts: RangeParts | undefined): void {
    const { owner, range } = this
    if (!parts || !owner || this.#abort.signal.aborted) return
    if (range) {
      this.#replays = range.watch(() => owner.stopped)
      return
    }
    const replays = replayWorker({
      ...parts,
      topic,
      places: this.#p.replayPlaces,
      isOpen: origin => owner.holds(origin),
      fenced: () => this.#replays === replays && void this.#fenced(),
      reprocess: (next, intake) => beginRange(next, this.#refused, intake, parts),
    })
    this.#replays = replays
  }

  /** Whoever asks, a replay beside the owner, is over with that. */
  #doBetween(step: (signal: AbortSignal) => Promise<void>): void {
    const { owner } = this
    const { signal } = this.#abort
    if (!owner || this.#between || signal.aborted) return
    this.#between = true
    this.#takeover = (async () => {
      await owner.stop(this.#p.drainMs)
      this.owner = this.#replays = undefined
      try {
        if (!signal.aborted) await step(signal)
      } catch (error) {
        if (!signal.aborted) this.#c.fatal(error)
      }
      this.#between = false
      await this.#takeOver()
    })()
  }

  // ---- what may happen to it

  /** The database gave the lease to another. If the log still says that it is ours, take over again. */
  async #fenced(): Promise<void> {
    if (this.#between) return this.owner?.abandon()
    await Promise.all([this.owner?.abandon(), this.#replays?.stop(0)])
    this.owner = this.#replays = undefined
    if (this.#abort.signal.aborted) return
    if (await this.#p.confirm(this.owned)) this.#takeover = this.#takeOver()
  }

  /** Whoever owns a partition no more may find it as it must not be; the owner may not. */
  async #failed(found: unknown): Promise<void> {
    const { signal } = this.#abort
    if (signal.aborted || isHoldfastError(found, 'LOG_CLOSED')) return
    const isOurs = await this.#p.confirm(this.owned).catch(() => true)
    if (signal.aborted) return
    if (isOurs === false) this.#p.lost(this.owned)
    else this.#stop(found)
  }

  /**
   * Anything that is not of this partition only is a mistake of ours.
   */
  #stop(error: unknown): void {
    if (!isHoldfastError(error, ...OF_ONE_PARTITION)) return this.#c.fatal(error)
    void this.#replays?.stop(0)
    this.stopped = `${error.code}: ${error.message}`
    this.#c.logger.error(this.#facts, this.stopped)
  }

  /** False when another owns the partition. */
  async #store(offset: Offset, note: string | undefined): Promise<boolean> {
    const { owned } = this
    const outcome = await this.#p.commits.store({ ...owned, offset, note })
    if (outcome.kind === 'stale') {
      this.#c.logger.warn(
        { ...this.#facts, owner: outcome.owner },
        'this process lost the partition: its work is dropped, the owner does it',
      )
      this.#p.lost(owned)
      return false
    }
    this.committed = offset
    const { topic, partition } = owned
    this.#c.observer.committed?.({ topic, partition, group: this.#c.settings.group, offset })
    return true
  }

  get #facts(): { readonly group: string; readonly partition: string } {
    return { group: this.#c.settings.group, partition: partitionId(this.owned) }
  }
}
