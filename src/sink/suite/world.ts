import { expect } from 'vitest'
import { isHoldfastError, offset } from '../../event/index.ts'
import type { ApplyOptions, Lease, LeaseScope, Sink, SinkOutcome, SinkRecord, SinkWork, Tx } from '../port.ts'
import type { SinkUnderTest } from './harness.ts'

let count = 0

/** What one promise works with: a group of its own, and a table of effects without any key that could hide a double. */
export class World {
  readonly under: SinkUnderTest
  readonly group: string
  #offset = 0

  constructor(under: SinkUnderTest) {
    this.under = under
    this.group = `group-${process.pid}-${++count}`
  }

  get sink(): Sink {
    return this.under.sink
  }

  static async prepare(under: SinkUnderTest): Promise<void> {
    await under.query('create table if not exists effect (grp text not null, id text not null)')
    await under.query('create table if not exists uniq (name text primary key deferrable initially deferred)')
  }

  scope(over: Partial<LeaseScope> = {}): LeaseScope {
    return { topic: 't', partition: 0, group: this.group, generation: 0, owner: 'suite', ...over }
  }

  lease(over: Partial<LeaseScope> = {}, sink: Sink = this.sink): Promise<Lease> {
    return sink.takeOver(this.scope(over), async () => true)
  }

  /** Records get growing offsets, as a partition would give them. */
  record(id: string, over: Partial<SinkRecord> = {}): SinkRecord {
    return {
      source: 's',
      id,
      acceptedAt: Date.now(),
      offset: offset(this.#offset++),
      key: undefined,
      ...over,
    }
  }

  /** Applies with {@link insertEffect} unless other work is given. Answers only the kinds. */
  kinds(
    lease: Lease,
    records: readonly SinkRecord[],
    work: SinkWork = this.insertAll(records),
    options: Partial<ApplyOptions> = {},
    sink: Sink = this.sink,
  ): Promise<string[]> {
    const kinds = this.apply(lease, records, work, options, sink).then(outcomes =>
      outcomes.map(({ kind }) => kind),
    )
    return background(kinds)
  }

  apply(
    lease: Lease,
    records: readonly SinkRecord[],
    work: SinkWork = this.insertAll(records),
    options: Partial<ApplyOptions> = {},
    sink: Sink = this.sink,
  ): Promise<readonly SinkOutcome[]> {
    const signal = new AbortController().signal
    return sink.apply(lease, records, { appliedBelow: offset(0), dedup: 'ids', signal, ...options }, work)
  }

  insertAll(records: readonly SinkRecord[]): SinkWork {
    return (tx, fresh) =>
      this.insertEffect(
        tx,
        fresh.map(i => records[i]?.id ?? ''),
      )
  }

  /** The effect: one row an event. */
  async insertEffect(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.query('insert into effect (grp, id) select $1, unnest($2::text[])', [this.group, ids])
  }

  /** Effects as they are committed, sorted; a double stands there twice. */
  async effects(): Promise<string[]> {
    const rows = await this.under.query('select id from effect where grp = $1 order by id collate "C"', [
      this.group,
    ])
    return rows.map(row => String(row['id']))
  }
}

/** The code of the error that a promise rejects with. */
export function rejection(promise: Promise<unknown>): Promise<string> {
  const code = promise.then(
    () => expect.fail('it did not reject'),
    (error: unknown) =>
      isHoldfastError(error) ? error.code : String((error as { code?: unknown }).code ?? error),
  )
  return background(code)
}

/** Whoever awaits it gets its error; when a test breaks before it does, that is no second failure. */
export function background<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** A door that a handler waits at. */
export function door(): {
  readonly reached: Promise<void>
  readonly open: () => void
  pass(): Promise<void>
} {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    open: opened.resolve,
    pass() {
      reached.resolve()
      return opened.promise
    },
  }
}
