import { HoldfastError, newEventId, type Clock, type Logger, type Random } from '../event/index.ts'
import {
  commitPositions,
  committedPositions,
  deleteGroup,
  describeGroup,
  listGroups,
  movePositions,
  partitionsOf,
  setPositions,
} from './group-positions.ts'
import { checkGroupName, rows } from './group-rows.ts'
import type { GroupStore, GroupTopics, GroupTransaction } from './group-store.ts'
import { resolveLeaseOptions, type LeaseOptions, type ResolvedLeaseOptions } from './lease-options.ts'
import { LocalMember, type Changes } from './local-member.ts'
import type { Groups, Imports, Member, Membership, OwnedPartition } from './port.ts'
import type { ProcessProbe } from './process-probe.ts'
import { free, settle, type SettleRules } from './settle.ts'

export interface LeaseGroupsDeps {
  readonly store: GroupStore
  readonly topics: GroupTopics
  /** `monotonic` must be the machine's clock when several processes share the store. */
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly probe: ProcessProbe
}

export interface LeaseGroups extends Groups {
  /** See the port. */
  readonly restore: Imports['positions']
  /** All members of this process leave, each after its drain. The second call does nothing. */
  close(): Promise<void>
}

/**
 * Groups for a log that has none of its own: memberships are leases in a {@link GroupStore}, and a commit is checked
 * against the owner's epoch in its own transaction, so here the fence is exact.
 *
 * Nobody leads. Each process beats for its members; whoever beats takes the dead out and shares the partitions out
 * anew (`settle.ts`), then looks what its own members were given, are asked for and have lost. A process that was
 * stopped for long finds that out at its next beat, joins again and gets new epochs.
 */
export function leaseGroups(deps: LeaseGroupsDeps, options: LeaseOptions = {}): LeaseGroups {
  const leases = new Leases(deps, resolveLeaseOptions(options))
  const { store, topics } = deps
  return {
    join: (group, names, member) => leases.join(group, names, member),
    commit: (group, commits) => store.transact(tx => commitPositions(tx, topics, group, commits)),
    committed: async group => store.read(view => committedPositions(view, topics, group)),
    list: async () => store.read(view => listGroups(view, leases.rules())),
    describe: async group => store.read(view => describeGroup(view, group, leases.rules())),
    move: (group, positions) => store.transact(tx => movePositions(tx, group, positions, leases.rules())),
    restore: (group, positions) => store.transact(tx => setPositions(tx, group, positions, leases.rules())),
    delete: group => store.transact(tx => deleteGroup(tx, group, leases.rules())),
    close: () => leases.close(),
  }
}

/** The members of this process. */
class Leases {
  readonly #deps: LeaseGroupsDeps
  readonly #options: ResolvedLeaseOptions
  /** By member id. It and the members are changed only by what runs {@link #alone}. */
  readonly #locals = new Map<string, LocalMember>()
  /** The version of each group at the last beat. */
  readonly #seen = new Map<string, string | undefined>()
  readonly #unwatch: (() => void) | undefined
  /** Partitions that are drained and not yet given back. */
  #drained: { readonly local: LocalMember; readonly owned: OwnedPartition }[] = []
  #queue: Promise<void> = Promise.resolve()
  #cancelBeat: () => void = () => {}
  #kicked = false
  #healthy = true
  #closing: Promise<void> | undefined

  constructor(deps: LeaseGroupsDeps, options: ResolvedLeaseOptions) {
    this.#deps = deps
    this.#options = options
    this.#unwatch = deps.store.watch?.(() => this.#lookForChanges())
  }

  rules(): SettleRules {
    const { topics, probe, clock } = this.#deps
    const { sessionMs, revokeTimeoutMs } = this.#options
    return { topics, probe, now: clock.monotonic(), sessionMs, revokeTimeoutMs }
  }

  async join(group: string, topics: readonly string[], member: Member): Promise<Membership> {
    checkGroupName(group)
    const { store, clock, random, logger } = this.#deps
    const local = new LocalMember(newEventId(clock, random), group, topics, member, logger)
    await this.#alone(async () => {
      if (this.#closing) throw new HoldfastError('LOG_CLOSED', { detail: `joining group ${group}` })
      await store.transact(tx => {
        for (const topic of topics) partitionsOf(this.#deps.topics, group, topic)
        this.#putMember(tx, local)
        settle(tx, group, this.rules())
      })
      this.#locals.set(local.id, local)
    })
    this.#kick() // later, so that the caller has its membership in hand before it hears of partitions
    return {
      leave: () => this.#leave(local),
      confirm: owned => this.#confirm(local, owned),
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#alone(async () => {}) // a join under way is counted in
      await Promise.all([...this.#locals.values()].map(local => this.#leave(local)))
      this.#cancelBeat()
      this.#unwatch?.()
    })()
    return this.#closing
  }

  #leave(local: LocalMember): Promise<void> {
    const left = local.leave()
    this.#kick()
    return left
  }

  #confirm(local: LocalMember, owned: OwnedPartition): Promise<boolean> {
    return this.#deps.store.transact(tx => {
      const row = rows.owner(tx, local.group, owned)
      if (row.owner?.id !== local.id || row.epoch !== owned.epoch) return false
      this.#putMember(tx, local)
      return true
    })
  }

  /** One beat for all members of this process, and what follows from it. */
  async #beat(): Promise<void> {
    this.#kicked = false
    this.#cancelBeat()
    const locals = [...this.#locals.values()]
    if (locals.length === 0) return
    this.#cancelBeat = this.#deps.clock.after(this.#options.beatMs, () => this.#startBeat())
    try {
      const found = await this.#deps.store.transact(tx => this.#look(tx, locals))
      for (const { local, changes } of found) {
        local.apply(changes, owned => this.#release(local, owned))
        if (local.leaving && local.ownsNothing()) await this.#remove(local)
      }
      // What was given back unused is shared out by the next beat.
      if (found.some(({ changes }) => changes.unused.length > 0)) this.#kick()
      this.#report(undefined)
    } catch (error) {
      this.#report(error)
      // Who cannot beat cannot leave in order either: the lease runs out by itself.
      for (const local of locals.filter(local => local.leaving)) this.#drop(local)
    }
  }

  #look(
    tx: GroupTransaction,
    locals: readonly LocalMember[],
  ): { readonly local: LocalMember; readonly changes: Changes }[] {
    for (const local of locals) this.#putMember(tx, local)
    for (const group of new Set(locals.map(local => local.group))) {
      settle(tx, group, this.rules())
      this.#seen.set(group, rows.version(tx, group))
    }
    return locals.map(local => {
      const mine = rows.owners(tx, local.group).filter(row => row.owner?.id === local.id)
      const changes = local.compare(mine)
      for (const row of changes.unused) rows.putOwner(tx, local.group, free(row))
      return { local, changes }
    })
  }

  /** What is drained while another release waits for its turn goes with it, in one transaction. */
  #release(local: LocalMember, owned: OwnedPartition): void {
    this.#drained.push({ local, owned })
    if (this.#drained.length > 1) return
    void this.#alone(async () => {
      const drained = this.#drained
      this.#drained = []
      try {
        await this.#deps.store.transact(tx => {
          for (const { local, owned } of drained) {
            const row = rows.owner(tx, local.group, owned)
            if (row.owner?.id === local.id && row.epoch === owned.epoch)
              rows.putOwner(tx, local.group, free(row))
          }
          // In the same transaction, so that no moment is seen in which nobody owns them.
          for (const group of new Set(drained.map(({ local }) => local.group)))
            settle(tx, group, this.rules())
        })
        for (const { local, owned } of drained) local.forget([owned])
      } catch (error) {
        this.#report(error) // they stay asked for, and are given away when their time is up
      }
      this.#kick()
    })
  }

  async #remove(local: LocalMember): Promise<void> {
    await this.#deps.store.transact(tx => {
      rows.deleteMember(tx, local.group, local.id)
      settle(tx, local.group, this.rules())
    })
    this.#drop(local)
    this.#kick()
  }

  #drop(local: LocalMember): void {
    this.#locals.delete(local.id)
    local.end()
  }

  #putMember(tx: GroupTransaction, { id, group, name, topics }: LocalMember): void {
    const { probe, clock } = this.#deps
    rows.putMember(tx, group, { id, name, topics, process: probe.self, beat: clock.monotonic() })
  }

  /** Another process has written something: beat at once if it was about our groups, and not just its own beat. */
  #lookForChanges(): void {
    const groups = new Set([...this.#locals.values()].map(local => local.group))
    const changed = this.#deps.store.read(view =>
      [...groups].some(group => rows.version(view, group) !== this.#seen.get(group)),
    )
    if (changed) this.#kick()
  }

  /** A beat soon. Several in a row are one. */
  #kick(): void {
    if (this.#kicked) return
    this.#kicked = true
    this.#deps.clock.after(0, () => this.#startBeat())
  }

  #startBeat(): void {
    void this.#alone(() => this.#beat())
  }

  /** One after the other, so that what members were told and what the store says change in the same order. */
  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {}) // whoever asked hears of it
    return done
  }

  /** One line when beats begin to fail, one when they go on. */
  #report(error: unknown): void {
    const healthy = error === undefined
    if (healthy === this.#healthy) return
    this.#healthy = healthy
    if (healthy) this.#deps.logger.info({}, 'group leases are renewed again')
    else this.#deps.logger.warn({ err: error }, 'group leases cannot be renewed')
  }
}
