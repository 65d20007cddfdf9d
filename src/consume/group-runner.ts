import { isHoldfastError, partitionId, sleep, type Offset, type Position } from '../event/index.ts'
import type { Committed, Groups, Membership, OwnedPartition } from '../log/index.ts'
import { failureText, type JobTopic } from '../recover/index.ts'
import { laneTopicOf, newTenureId } from '../recover/lane/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import type { Lease } from '../sink/index.ts'
import { FLOOD } from './flood.ts'
import { generations, type Generations } from './generations.ts'
import { GroupCommits } from './group-commits.ts'
import type { GroupContext } from './group-context.ts'
import { GroupStanding } from './group-standing.ts'
import { limiter, type Limiter } from './limits.ts'
import { partitionOwner, type PartitionOwner } from './partition-owner.ts'
import {
  beginRange,
  RangeRun,
  replayWorker,
  type RangeParts,
  type Refused,
  type ReplayWorker,
} from './replay/index.ts'
import { DATABASE, usesDatabase } from './settings.ts'
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

/** A partition that is ours, from the moment the log said so. */
interface Slot {
  readonly owned: OwnedPartition
  /** Ends the takeover. */
  readonly abort: AbortController
  owner: PartitionOwner | undefined
  replays: ReplayWorker | undefined
  /** Set while a range is run again, and nothing newer. */
  range: RangeRun | undefined
  /** Ranges that cannot be run again here. */
  readonly refused: Refused
  /** Its owner is let go, and the next one takes over when something is done that nobody may be at work for. */
  between: boolean
  takeover: Promise<void>
  /** Set once it is drained and given away. */
  givenAway: Promise<void> | undefined
  committed: Offset | undefined
  /** Why taking over failed last; it is tried again. */
  problem: string | undefined
  /** Why it could not be taken over and never will by itself: damage in the log. */
  stopped: string | undefined
}

const TAKEOVER_RETRY_MS = 1_000
/** What waits for a commit (an event's first retry, a dead letter) waits at least so long. */
const COMMIT_SOON_MS = 5

class Runner implements GroupRunner {
  readonly group: string
  readonly #o: GroupRunnerOptions
  readonly #c: GroupContext
  readonly #slots = new Map<string, Slot>()
  readonly #life = new AbortController()
  readonly #commits: GroupCommits
  readonly #standing: GroupStanding
  /** For replays: a quarter of what live events have. */
  readonly #replayPlaces: Limiter
  #membership: Membership | undefined
  #stopping: Promise<void> | undefined
  /** Once it stops: how long what is revoked may take. */
  #stopDrainMs: number | undefined

  constructor(options: GroupRunnerOptions) {
    this.#o = options
    this.#c = options.context
    this.group = options.context.settings.group
    this.#replayPlaces = limiter(Math.max(1, Math.floor(options.context.settings.concurrency / 4)))
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
    this.#c.gate.shut('operator', `paused: ${reason}`)
  }

  resume(options: { allowDeadForMs?: number } = {}): void {
    if (options.allowDeadForMs !== undefined)
      this.#c.guard.allow(this.#c.clock.monotonic(), options.allowDeadForMs)
    this.#c.gate.open('operator')
    this.#c.gate.open(FLOOD)
  }

  async acceptLoss(reason: string): Promise<number> {
    let count = 0
    for (const slot of this.#slots.values()) {
      const start = slot.owner?.lostUpTo
      if (!slot.owner || start === undefined || slot.range) continue
      const from = slot.owner.commitable
      await Promise.all([slot.owner.stop(0), slot.replays?.stop(0)])
      slot.owner = slot.replays = undefined
      // The note stays: the retry lane has lost nothing, and without its note nobody could tell what counts in it.
      await this.#store(slot, start, (await this.#committed(slot))?.note)
      const lost = { from: String(from), to: String(start), reason }
      this.#c.logger.warn(
        { group: this.group, partition: partitionId(slot.owned), lost },
        'retention overtook the group: it goes on behind what was lost, as was decided',
      )
      slot.takeover = this.#takeOver(slot)
      count += 1
    }
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
      const slot: Slot = {
        owned: one,
        abort: new AbortController(),
        owner: undefined,
        replays: undefined,
        range: undefined,
        refused: new Map(),
        between: false,
        takeover: Promise.resolve(),
        givenAway: undefined,
        committed: undefined,
        problem: undefined,
        stopped: undefined,
      }
      this.#slots.set(partitionId(one), slot)
      slot.takeover = this.#takeOver(slot)
    }
  }

  #slotsOf(partitions: readonly OwnedPartition[]): Slot[] {
    return partitions.flatMap(one => this.#slots.get(partitionId(one)) ?? [])
  }

  /** The second call waits for the first. */
  #giveAway(slot: Slot, drainMs: number): Promise<void> {
    slot.givenAway ??= (async () => {
      slot.abort.abort()
      await slot.takeover
      await Promise.all([slot.owner?.stop(drainMs), slot.replays?.stop(drainMs)])
      if (this.#slots.get(partitionId(slot.owned)) === slot) this.#slots.delete(partitionId(slot.owned))
    })()
    return slot.givenAway
  }

  #lost(partitions: readonly OwnedPartition[]): void {
    for (const one of partitions) {
      const slot = this.#slots.get(partitionId(one))
      // Only the tenure that was lost: the partition may have come back under a new epoch already.
      if (!slot || slot.owned.epoch !== one.epoch) continue
      this.#slots.delete(partitionId(one))
      slot.abort.abort()
      void slot.owner?.abandon() // nothing waits for it
      void slot.replays?.stop(0)
    }
  }

  async #takeOver(slot: Slot): Promise<void> {
    const signal = slot.abort.signal
    while (!signal.aborted) {
      try {
        const lease = await this.#lease(slot, signal)
        if (signal.aborted) return
        const committed = await this.#startOf(slot)
        const topic = this.#c.settings.topics.find(topic => topic.name === slot.owned.topic)
        const lane = await this.#c.log.bounds({
          ...slot.owned,
          topic: laneTopicOf(slot.owned.topic, this.group),
        })
        const { start } = await this.#c.log.bounds(slot.owned)
        const known = await generations(this.#c.sink, lease, start)
        const parts = this.#rangeParts(slot, lease, known)
        const range = parts && known.open && new RangeRun(parts, known.open)
        const perSecond = await range?.perSecond()
        if (!topic || signal.aborted) return
        slot.committed = committed.offset
        slot.problem = undefined
        slot.range = range
        slot.owner = partitionOwner({
          context: range?.context ?? this.#c,
          topic,
          owned: slot.owned,
          committed,
          laneStart: lane.start,
          generations: known,
          perSecond,
          ...(range && { taken: () => range.taken() }),
          live: () => this.#beside(slot, topic, parts),
          commitDue: when => this.#commits.ask(when),
          store: (position, note) =>
            range
              ? range.store(
                  position,
                  () => this.#store(slot, committed.offset, note),
                  () => void this.#fenced(slot),
                )
              : this.#store(slot, position, note),
          fenced: () => void this.#fenced(slot),
          failed: error => void this.#failed(slot, error),
        })
        return
      } catch (error) {
        if (signal.aborted || isHoldfastError(error, 'EPOCH_STALE')) return
        // A retry lane that is not there may be on its way: whoever adds partitions makes it first.
        const mayCome = isHoldfastError(error, 'LOG_TOPIC_UNKNOWN')
        if (isHoldfastError(error) && !error.retriable && !mayCome) return this.#stopped(slot, error)
        slot.problem = `taking it over failed, tried again: ${failureText(error)}`
        this.#c.logger.warn({ group: this.group, partition: partitionId(slot.owned) }, slot.problem)
        await sleep(this.#c.clock, TAKEOVER_RETRY_MS, signal)
      }
    }
  }

  #rangeParts(slot: Slot, lease: Lease | undefined, known: Generations): RangeParts | undefined {
    const { sink, random } = this.#c
    const { jobs } = this.#o
    if (!sink || !jobs || !lease) return undefined
    return {
      context: this.#c,
      sink,
      jobs,
      lease,
      owned: slot.owned,
      generations: known,
      tenure: newTenureId(random),
      between: step => this.#between(slot, step),
    }
  }

  /** Replays. Not before the owner is live: until then nobody knows what waits for a retry. */
  #beside(slot: Slot, topic: AnyTopic, parts: RangeParts | undefined): void {
    const { owner, range } = slot
    if (!parts || !owner || slot.abort.signal.aborted) return
    if (range) {
      slot.replays = range.watch(() => owner.stopped)
      return
    }
    const replays = replayWorker({
      ...parts,
      topic,
      places: this.#replayPlaces,
      isOpen: origin => owner.holds(origin),
      fenced: () => slot.replays === replays && void this.#fenced(slot),
      reprocess: (next, intake) => beginRange(next, slot.refused, intake, parts),
    })
    slot.replays = replays
  }

  /** Whoever asks, a replay beside the owner, is over with that. */
  #between(slot: Slot, step: (signal: AbortSignal) => Promise<void>): void {
    const { owner } = slot
    const { signal } = slot.abort
    if (!owner || slot.between || signal.aborted) return
    slot.between = true
    slot.takeover = (async () => {
      await owner.stop(this.#o.revokeDrainMs)
      slot.owner = slot.replays = undefined
      try {
        if (!signal.aborted) await step(signal)
      } catch (error) {
        if (!signal.aborted) this.#c.fatal(error)
      }
      slot.between = false
      await this.#takeOver(slot)
    })()
  }

  /** The lease in the database, once the database works. An outage is waited for like any other. */
  async #lease(slot: Slot, signal: AbortSignal): Promise<Lease | undefined> {
    const { sink, settings, dependencies } = this.#c
    if (!sink || !usesDatabase(settings)) return undefined
    const database = dependencies.find(dependency => dependency.name === DATABASE)
    while (!signal.aborted) {
      const pass = await database?.enter(signal)
      if (!pass) return undefined
      try {
        await this.#c.prepareSink()
        const scope = { ...slot.owned, group: this.group, generation: 0, owner: this.#o.memberName }
        const lease = await sink.takeOver(
          scope,
          async () => (await this.#membership?.confirm(slot.owned)) ?? true,
        )
        pass.done('success')
        return lease
      } catch (error) {
        if (!sink.isOutage(error)) {
          pass.done('neither')
          throw error
        }
        pass.done('outage', failureText(error))
      }
    }
    return undefined
  }

  /** The committed position, else the start that the policy names: written down at once, so that it is decided once. */
  async #startOf(slot: Slot): Promise<{ readonly offset: Offset; readonly note: string | undefined }> {
    const { log, settings } = this.#c
    const { owned } = slot
    const known = await this.#committed(slot)
    if (known) return known
    const { start, end } = await log.bounds(owned)
    const { from } = settings
    const first =
      from === 'earliest' ? start : from === 'latest' ? end : await log.offsetAt(owned, from.getTime())
    await this.#store(slot, first, undefined)
    return { offset: first, note: undefined }
  }

  async #committed({ owned }: Slot): Promise<Committed | undefined> {
    const all = await this.#o.groups.committed(this.group)
    return all.find(one => one.topic === owned.topic && one.partition === owned.partition)
  }

  /** The database gave the lease to another. If the log still says that it is ours, take over again. */
  async #fenced(slot: Slot): Promise<void> {
    if (slot.between) return slot.owner?.abandon()
    await Promise.all([slot.owner?.abandon(), slot.replays?.stop(0)])
    slot.owner = slot.replays = undefined
    if (slot.abort.signal.aborted) return
    if (await this.#membership?.confirm(slot.owned)) slot.takeover = this.#takeOver(slot)
  }

  /** Whoever owns a partition no more may find it as it must not be; the owner may not. */
  async #failed(slot: Slot, error: unknown): Promise<void> {
    if (slot.abort.signal.aborted || isHoldfastError(error, 'LOG_CLOSED')) return
    const isOurs = await this.#membership?.confirm(slot.owned).catch(() => true)
    if (slot.abort.signal.aborted) return
    if (isOurs === false) this.#lost([slot.owned])
    else this.#stopped(slot, error)
  }

  /** Damage is of this partition only: the others are whole and go on. Anything else is a mistake of ours. */
  #stopped(slot: Slot, error: unknown): void {
    if (!isHoldfastError(error, 'LOG_CORRUPT', 'LOG_VERSION', 'LOG_RECORD_TOO_LARGE'))
      return this.#c.fatal(error)
    void slot.replays?.stop(0)
    slot.stopped = `${error.code}: ${error.message}`
    this.#c.logger.error({ group: this.group, partition: partitionId(slot.owned) }, slot.stopped)
  }

  /** False when another owns the partition. */
  async #store(slot: Slot, offset: Offset, note: string | undefined): Promise<boolean> {
    const { owned } = slot
    const outcome = await this.#commits.store({ ...owned, offset, note })
    if (outcome.kind === 'stale') {
      this.#c.logger.warn(
        { group: this.group, partition: partitionId(owned), owner: outcome.owner },
        'this process lost the partition: its work is dropped, the owner does it',
      )
      this.#lost([owned])
      return false
    }
    slot.committed = offset
    const { topic, partition } = owned
    this.#c.observer.committed?.({ topic, partition, group: this.group, offset })
    return true
  }
}
