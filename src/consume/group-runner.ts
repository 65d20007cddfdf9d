import {
  HoldfastError,
  isHoldfastError,
  partitionId,
  sleep,
  type Offset,
  type Position,
} from '../event/index.ts'
import type { Commit, Committed, GroupDescription, Groups, Membership, OwnedPartition } from '../log/index.ts'
import { buriedFrom, failureText, type Dependency } from '../recover/index.ts'
import type { Lease } from '../sink/index.ts'
import type { GroupContext } from './group-context.ts'
import { FLOOD } from './bury.ts'
import { partitionWorker, type PartitionWorker } from './partition-worker.ts'
import { DATABASE, usesDatabase } from './settings.ts'
import type { GroupStatus, PartitionStatus } from './status.ts'

/**
 * One group in this process: a member that takes over the partitions it is given, commits what is done, and hands
 * over what it must give away.
 *
 * Taking over, in this order: own it (the log says so) → take the database lease, which shuts out the former owner →
 * read the position → deliver. A position read before the lease could be older than what the former owner still
 * applied; the inbox would answer, but nothing needs it to.
 */
export interface GroupRunner {
  readonly group: string
  start(): Promise<void>
  status(): Promise<Omit<GroupStatus, 'deadLetters'>>
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
  worker: PartitionWorker | undefined
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

class Runner implements GroupRunner {
  readonly group: string
  readonly #o: GroupRunnerOptions
  readonly #c: GroupContext
  readonly #slots = new Map<string, Slot>()
  readonly #life = new AbortController()
  #membership: Membership | undefined
  #cancelCommit: (() => void) | undefined
  /** One commit at a time, in the order in which they were asked for: a position never moves back. */
  #commits: Promise<unknown> = Promise.resolve()
  #committing = false
  #stopping: Promise<void> | undefined
  /** Once it stops: how long what is revoked may take. */
  #stopDrainMs: number | undefined

  constructor(options: GroupRunnerOptions) {
    this.#o = options
    this.#c = options.context
    this.group = options.context.settings.group
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
      const start = slot.worker?.lostUpTo
      if (!slot.worker || start === undefined) continue
      const from = slot.worker.commitable
      await slot.worker.stop(0)
      slot.worker = undefined
      // The note stays: the retry lane has lost nothing, and without its note nobody could tell what counts in it.
      const note = (await this.#known(slot))?.note
      await this.#inTurn(() => this.#commitNow([{ ...slot.owned, offset: start, note }]))
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
      this.#cancelCommit?.()
      await left
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
        worker: undefined,
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

  /** Drain, commit, let go. The second call waits for the first. */
  #giveAway(slot: Slot, drainMs: number): Promise<void> {
    slot.givenAway ??= (async () => {
      slot.abort.abort()
      await slot.takeover
      await slot.worker?.stop(drainMs)
      try {
        await this.#commitAll() // of all, so that many that are drained together need one commit
      } catch (error) {
        // The next owner starts a little earlier; the inbox knows what was done.
        this.#c.logger.warn(
          { group: this.group, error: failureText(error) },
          'the last commit before a hand-over failed',
        )
      }
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
      void slot.worker?.stop(0) // nothing waits for it: its work is dropped and cannot commit
    }
  }

  async #takeOver(slot: Slot): Promise<void> {
    const signal = slot.abort.signal
    while (!signal.aborted) {
      try {
        const lease = await this.#lease(slot, signal)
        if (signal.aborted) return
        const start = await this.#startOf(slot)
        const topic = this.#c.settings.topics.find(topic => topic.name === slot.owned.topic)
        if (!topic || signal.aborted) return
        const position = { topic: slot.owned.topic, partition: slot.owned.partition, offset: start }
        const buried = await buriedFrom(this.#c.log, position, this.group, signal)
        if (signal.aborted) return
        slot.committed = start
        slot.problem = undefined
        slot.worker = partitionWorker({
          context: this.#c,
          topic,
          owned: slot.owned,
          start,
          buried,
          lease,
          progressed: () => this.#scheduleCommit(),
          fenced: () => void this.#fenced(slot),
        })
        return
      } catch (error) {
        if (signal.aborted || isHoldfastError(error, 'EPOCH_STALE')) return
        if (isHoldfastError(error, 'LOG_CORRUPT')) {
          // Only this partition: the others are whole and go on.
          slot.stopped = error.message
          this.#c.logger.error({ group: this.group, partition: partitionId(slot.owned) }, error.message)
          return
        }
        if (isHoldfastError(error) && !error.retriable) {
          this.#c.fatal(error)
          return
        }
        slot.problem = `taking it over failed, tried again: ${failureText(error)}`
        this.#c.logger.warn({ group: this.group, partition: partitionId(slot.owned) }, slot.problem)
        await sleep(this.#c.clock, TAKEOVER_RETRY_MS, signal)
      }
    }
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
  async #startOf(slot: Slot): Promise<Offset> {
    const { log, settings } = this.#c
    const { owned } = slot
    const known = await this.#known(slot)
    if (known) return known.offset
    const { start, end } = await log.bounds(owned)
    const { from } = settings
    const first =
      from === 'earliest' ? start : from === 'latest' ? end : await log.offsetAt(owned, from.getTime())
    await this.#inTurn(() => this.#commitNow([{ ...owned, offset: first }]))
    return first
  }

  async #known({ owned }: Slot): Promise<Committed | undefined> {
    const positions = await this.#o.groups.committed(this.group)
    return positions.find(one => one.topic === owned.topic && one.partition === owned.partition)
  }

  /** The database gave the lease to another. If the log still says that it is ours, take over again. */
  async #fenced(slot: Slot): Promise<void> {
    await slot.worker?.stop(0)
    slot.worker = undefined
    if (slot.abort.signal.aborted) return
    if (await this.#membership?.confirm(slot.owned)) slot.takeover = this.#takeOver(slot)
  }

  // ---- positions

  #scheduleCommit(): void {
    if (this.#cancelCommit || this.#committing) return
    this.#cancelCommit = this.#c.clock.after(this.#o.commitEveryMs, () => {
      this.#cancelCommit = undefined
      this.#committing = true
      void this.#commitDue().finally(() => {
        this.#committing = false
        if ([...this.#slots.values()].some(slot => this.#due(slot))) this.#scheduleCommit()
      })
    })
  }

  async #commitDue(): Promise<void> {
    try {
      await this.#commitAll()
    } catch (error) {
      // Nothing is lost by a later commit; a log that failed for good ends the process by itself.
      this.#c.logger.warn({ group: this.group, error: failureText(error) }, 'a commit failed, trying again')
      await sleep(this.#c.clock, TAKEOVER_RETRY_MS)
    }
  }

  #commitAll(): Promise<void> {
    return this.#inTurn(() =>
      this.#commitNow([...this.#slots.values()].flatMap(slot => this.#due(slot) ?? [])),
    )
  }

  #inTurn(commit: () => Promise<void>): Promise<void> {
    const turn = this.#commits.then(commit)
    this.#commits = turn.catch(() => {}) // the failure belongs to whoever asked
    return turn
  }

  #due(slot: Slot): Commit | undefined {
    const { worker, committed, owned } = slot
    if (!worker || committed === undefined || worker.commitable === committed) return undefined
    if (worker.commitable < committed) {
      throw new HoldfastError('INTERNAL', {
        detail: `${this.group} ${partitionId(owned)}: position would move back from ${committed} to ${worker.commitable}`,
      })
    }
    return { ...owned, offset: worker.commitable }
  }

  async #commitNow(commits: readonly Commit[]): Promise<void> {
    if (commits.length === 0) return
    const outcomes = await this.#o.groups.commit(this.group, commits)
    for (const [i, commit] of commits.entries()) {
      const outcome = outcomes[i]
      const slot = this.#slots.get(partitionId(commit))
      if (outcome?.kind === 'stale') {
        this.#c.logger.warn(
          { group: this.group, partition: partitionId(commit), owner: outcome.owner },
          'this process lost the partition: its work is dropped, the owner does it',
        )
        this.#lost([commit])
      } else if (slot?.owned.epoch === commit.epoch) {
        slot.committed = commit.offset
        const { topic, partition } = commit
        this.#c.observer.committed?.({ topic, partition, group: this.group, offset: commit.offset })
      }
    }
  }

  // ---- status

  async status(): Promise<Omit<GroupStatus, 'deadLetters'>> {
    const described = await this.#o.groups.describe(this.group)
    const rows = new Map(described.partitions.map(one => [partitionId(one), one]))
    const owned = await Promise.all(
      [...this.#slots.values()].map(slot =>
        this.#partitionStatus(slot, rows.get(partitionId(slot.owned))?.committed),
      ),
    )
    const partitions = [...owned, ...(await this.#orphans(rows))]
    const [reason] = [...this.#c.gate.reasons, ...partitions.flatMap(partition => partition.reason ?? [])]
    const worst = (['stopped', 'paused'] as const).find(state => partitions.some(one => one.state === state))
    return {
      group: this.group,
      topics: this.#c.settings.topics.map(topic => topic.name),
      state: worst ?? (this.#c.gate.reasons.length > 0 ? 'paused' : 'running'),
      reason,
      members: described.members,
      lag: partitions.reduce((sum, one) => sum + one.lag, 0n),
      lagSeconds: Math.max(0, ...partitions.map(one => one.lagSeconds)),
      partitions: partitions.toSorted((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition),
    }
  }

  /** Partitions that nobody owns: not taken over yet, or given up. Without them a group that has not begun looks done. */
  async #orphans(
    rows: ReadonlyMap<string, GroupDescription['partitions'][number]>,
  ): Promise<PartitionStatus[]> {
    const { log, settings } = this.#c
    const orphans: PartitionStatus[] = []
    for (const { name: topic, partitions } of settings.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const known = rows.get(partitionId({ topic, partition }))
        const elsewhere = known?.owner !== undefined && known.owner !== this.#o.memberName
        if (this.#slots.has(partitionId({ topic, partition })) || elsewhere) continue
        const { start, end } = await log.bounds({ topic, partition })
        const committed = known?.committed ?? start
        const lag = end > committed ? end - committed : 0n
        const time = lag > 0n ? await this.#timeAt({ topic, partition, offset: committed }) : undefined
        orphans.push({
          topic,
          partition,
          state: 'paused',
          reason: 'it has no owner yet',
          committed,
          end,
          lag,
          lagSeconds: this.#age(lag, time),
          inFlight: 0,
        })
      }
    }
    return orphans
  }

  #age(lag: bigint, time: number | undefined): number {
    return lag > 0n && time !== undefined ? Math.max(0, this.#c.clock.now() - time) / 1000 : 0
  }

  /** `known`: the position that the log has, for a partition whose takeover waits for something else. */
  async #partitionStatus(slot: Slot, known: Offset | undefined): Promise<PartitionStatus> {
    const { log, gate } = this.#c
    const { topic, partition } = slot.owned
    const { start, end } = await log.bounds({ topic, partition })
    const committed = slot.worker?.commitable ?? slot.committed ?? known ?? start
    const lag = end > committed ? end - committed : 0n
    const oldest =
      slot.worker?.oldestTime ??
      (lag > 0n ? await this.#timeAt({ topic, partition, offset: committed }) : undefined)
    const away = this.#away()
    const stopped = slot.stopped ?? slot.worker?.stopped
    const takingOver = slot.worker ? undefined : 'it is being taken over'
    const reason = stopped ?? slot.problem ?? gate.reasons[0] ?? away?.status().reason ?? takingOver
    return {
      topic,
      partition,
      state: stopped ? 'stopped' : reason !== undefined ? 'paused' : 'running',
      reason: away && reason === away.status().reason ? `${away.name} is away: ${reason}` : reason,
      committed,
      end,
      lag,
      lagSeconds: this.#age(lag, oldest),
      inFlight: slot.worker?.inFlight ?? 0,
    }
  }

  #away(): Dependency | undefined {
    return this.#c.dependencies.find(dependency => dependency.status().state !== 'CLOSED')
  }

  /** When the event at the position was appended; undefined where that cannot be read. */
  async #timeAt(at: Position): Promise<number | undefined> {
    try {
      const { records } = await this.#c.log.read(
        at,
        { maxRecords: 1, maxBytes: 1, waitMs: 0 },
        this.#life.signal,
      )
      return records[0]?.timestamp
    } catch {
      return undefined // corruption and retention are reported by the worker
    }
  }
}
