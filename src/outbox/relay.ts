import { sleep, type Random } from '../event/index.ts'
import type { Outbox, OutboxPlace, OutboxStatus, RelayLease } from '../sink/index.ts'
import { rowMover, type MoveRows, type RowMover } from './move-rows.ts'

/**
 * Moves rows of the outbox to the log. One relay works at a time, by a lease in the database; the others wait for it to
 * end. A round is: read rows behind the place, append them, and only when they are durable move the place. A relay that
 * dies in between leaves the place where it was, and its successor appends the same rows again: the log, or the inbox of
 * whoever consumes them, recognises their ids.
 *
 * What is promised: no committed row is left out, and rows of one transaction keep their order. What is not: the order of
 * two transactions that were open at the same time, also of one aggregate.
 */
export interface OutboxRelay {
  /** A transaction of this process has published: looks at once, without waiting for the next poll. */
  wake(): void
  status(): RelayState
  /** What waits in the outbox, as this relay has seen it within the last seconds. Undefined until it has looked. */
  seen(): OutboxStatus | undefined
  /** Finishes the round under way and ends the lease. Idempotent. */
  stop(): Promise<void>
}

/** `waiting`: another process is the relay. `stuck`: it cannot go on, and says why; it keeps trying. */
export type RelayState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'relaying' }
  | { readonly kind: 'stuck'; readonly reason: string }

export interface RelayOptions extends RowMover {
  readonly outbox: Outbox
  /** Unique among all processes that ever lived. */
  readonly owner: string
  readonly random: Random
  /** Makes the tables, if need be; tried again until it succeeds. */
  readonly prepare: () => Promise<void>
  /** Rows in one round. Defaults to 500. */
  readonly maxRows?: number
  /** How long a relay that has died keeps its successor waiting. Defaults to 3 s. */
  readonly leaseMs?: number
  /** Moved rows are kept for so long before they are deleted. Defaults to one hour. */
  readonly keepMs?: number
}

/** Between two looks while rows keep coming, once none has come for a while, and before there ever was one. */
const POLL_MS = { busy: 50, idle: 500, busyFor: 10_000, unused: 30_000 } as const
const CLEAN = { everyMs: 10_000, rows: 5_000 } as const
/** How often it looks at what waits, and when a transaction that holds rows back is worth a line. */
const LOOK = { everyMs: 5_000, heldBackMs: 10_000 } as const
const RETRY = { firstMs: 100, mostMs: 5_000 } as const

export function outboxRelay(options: RelayOptions): OutboxRelay {
  return new Relay(options)
}

class Relay implements OutboxRelay {
  readonly #o: RelayOptions
  readonly #leaseMs: number
  readonly #move: MoveRows
  readonly #life = new AbortController()
  readonly #running: Promise<void>
  #lease: RelayLease | undefined
  #renewAt = 0
  #place: OutboxPlace | undefined
  #state: RelayState = { kind: 'waiting' }
  #lastRowAt = -Infinity
  #cleanAt = 0
  #lookAt = 0
  #seen: OutboxStatus | undefined
  /** The transaction that was named last as holding rows back. */
  #named: string | undefined
  #failures = 0
  /** An outbox that nobody has used is looked at now and then, and nobody hears of it. */
  #used = false
  /** Set by a wake that came while nobody slept, so that it is not lost. */
  #woken = false
  #rouse: (() => void) | undefined

  constructor(options: RelayOptions) {
    this.#o = options
    this.#leaseMs = options.leaseMs ?? 3_000
    this.#move = rowMover(options)
    this.#running = this.#run()
  }

  wake(): void {
    this.#woken = true
    this.#used = true
    this.#rouse?.()
  }

  status(): RelayState {
    return this.#state
  }

  seen(): OutboxStatus | undefined {
    return this.#seen
  }

  async stop(): Promise<void> {
    this.#life.abort()
    this.#rouse?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#life.signal.aborted) {
      try {
        await this.#o.prepare()
        await this.#rest(await this.#round())
        this.#failures = 0
      } catch (error) {
        if (this.#used) this.#report(error)
        const ms = Math.min(RETRY.firstMs * 2 ** this.#failures++, RETRY.mostMs)
        await sleep(this.#o.clock, ms * (0.5 + this.#o.random() / 2), this.#life.signal)
      }
    }
    const lease = this.#lease
    // A database that is away now lets the lease run out by itself.
    if (lease) await this.#o.outbox.release(lease).catch(() => {})
  }

  /** Answers how long to rest before the next one. */
  async #round(): Promise<number> {
    const { clock, outbox, maxRows = 500 } = this.#o
    this.#used ||= await outbox.isUsed()
    if (!this.#used) return POLL_MS.unused
    const lease = await this.#hold()
    if (!lease) return this.#leaseMs / 3
    const place = this.#place ?? lease.place
    const rows = await outbox.read(place, maxRows)
    const last = rows.at(-1)
    if (last) {
      await this.#move(rows)
      if (!(await outbox.advance(lease, last.place))) {
        this.#letGo()
        return 0
      }
      this.#place = last.place
      this.#lastRowAt = clock.monotonic()
    }
    this.#enter({ kind: 'relaying' })
    if (rows.length >= maxRows) return 0
    await this.#clean()
    await this.#look()
    return clock.monotonic() - this.#lastRowAt < POLL_MS.busyFor ? POLL_MS.busy : POLL_MS.idle
  }

  /** The lease, renewed when a third of its time has gone. Undefined while another relay has it. */
  async #hold(): Promise<RelayLease | undefined> {
    const { clock, outbox, owner } = this.#o
    const now = clock.monotonic()
    if (this.#lease && now < this.#renewAt) return this.#lease
    const lease = await outbox.lease(owner, this.#leaseMs)
    if (!lease) {
      this.#letGo()
      return undefined
    }
    // Another epoch: somebody else relayed in between, and the place is what they left.
    if (lease.epoch !== this.#lease?.epoch) this.#place = lease.place
    this.#lease = lease
    this.#renewAt = now + this.#leaseMs / 3
    return lease
  }

  #letGo(): void {
    this.#lease = undefined
    this.#place = undefined
    this.#enter({ kind: 'waiting' })
  }

  async #clean(): Promise<void> {
    const { clock, keepMs = 60 * 60 * 1_000, outbox } = this.#o
    if (clock.monotonic() < this.#cleanAt) return
    const gone = await outbox.clean(keepMs, CLEAN.rows)
    // A full slice: there is more to delete, and it goes on with the next round.
    if (gone < CLEAN.rows) this.#cleanAt = clock.monotonic() + CLEAN.everyMs
  }

  async #look(): Promise<void> {
    const { clock, logger, outbox } = this.#o
    if (clock.monotonic() < this.#lookAt) return
    this.#lookAt = clock.monotonic() + LOOK.everyMs
    this.#seen = await outbox.status()
    const holder = this.#seen.heldBackBy
    const held = holder !== undefined && holder.forMs >= LOOK.heldBackMs
    const name = held ? `${holder.name}${holder.pid === undefined ? '' : `, pid ${holder.pid}`}` : undefined
    if (name !== undefined && name !== this.#named)
      logger.warn(
        { pid: holder?.pid, pending: this.#seen.pending },
        `outbox: ${this.#seen.pending} rows wait for a transaction that is still open: ${name}`,
      )
    this.#named = name
  }

  #report(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#enter({ kind: 'stuck', reason }, error)
  }

  #enter(state: RelayState, error?: unknown): void {
    const before = this.#state
    this.#state = state
    const { logger } = this.#o
    if (state.kind === 'stuck') {
      if (before.kind !== 'stuck' || before.reason !== state.reason)
        logger.warn({ err: error }, `outbox: events are not moved to the log: ${state.reason}`)
    } else if (before.kind === 'stuck') logger.info({}, 'outbox: events are moved to the log again')
  }

  async #rest(ms: number): Promise<void> {
    if (this.#woken || ms === 0) {
      this.#woken = false
      return
    }
    const rest = new AbortController()
    this.#rouse = () => rest.abort()
    await sleep(this.#o.clock, ms, AbortSignal.any([rest.signal, this.#life.signal]))
    this.#rouse = undefined
    this.#woken = false
  }
}
