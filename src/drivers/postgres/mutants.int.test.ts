import { testDatabase } from '../../../test/postgres.ts'
import { sinkUnderTest } from '../../../test/sink-under-test.ts'
import { offset, systemClock } from '../../event/index.ts'
import type { Sink, SinkOutcome, SinkWork, Tx } from '../../sink/index.ts'
import { describeMutants, type MakeSink, type SinkUnderTest } from '../../sink/suite/index.ts'
import { migrations } from './migrations.ts'

const database = testDatabase()
const DAY_MS = 86_400_000
const lastOffset = offset(2n ** 62n)

/** A database whose function `name` was changed; put right again after the promise. */
function sql(name: string, from: string, to: string): MakeSink {
  const original = functionText(name)
  if (!original.includes(from)) throw new Error(`${name} does not hold: ${from}`)
  return statements([original.replace(from, to)], [original])
}

function statements(before: readonly string[], after: readonly string[]): MakeSink {
  return async () => {
    const under = await sinkUnderTest(database.url)
    for (const statement of before) await under.query(statement)
    const dispose = async (): Promise<void> => {
      // What is still under way ends first: it may hold locks on what is put right.
      await under.dispose()
      const again = await sinkUnderTest(database.url)
      for (const statement of after) await again.query(statement)
      await again.dispose()
    }
    return { ...under, dispose }
  }
}

function functionText(name: string): string {
  const text = new RegExp(`create function holdfast\\.${name}\\([\\s\\S]*?\\$\\$;`).exec(
    migrations.map(migration => migration.sql).join('\n'),
  )
  if (!text) throw new Error(`no function ${name}`)
  return text[0].replace('create function', 'create or replace function')
}

/** The sink with some methods replaced. */
function wrapped(change: (sink: Sink, under: SinkUnderTest) => Partial<Sink>): MakeSink {
  return async () => {
    const under = await sinkUnderTest(database.url)
    const broken = (sink: Sink): Sink => ({ ...sink, ...change(sink, under) })
    return { ...under, sink: broken(under.sink), another: async () => broken(await under.another()) }
  }
}

const working = (change: (work: SinkWork, under: SinkUnderTest) => SinkWork): MakeSink =>
  wrapped((sink, under) => ({
    apply: (lease, records, options, work) => sink.apply(lease, records, options, change(work, under)),
  }))

const answering = (change: (outcomes: readonly SinkOutcome[]) => readonly SinkOutcome[]): MakeSink =>
  wrapped(sink => ({
    apply: async (lease, records, options, work) => change(await sink.apply(lease, records, options, work)),
  }))

const noInbox = `return query select u.bucket, u.id from unnest(p_buckets, p_ids) u(bucket, id);
  return query
    insert into`

describeMutants([
  {
    fault: 'runs the effect outside of the transaction',
    breaks: [
      'answers failed, and leaves neither',
      'shows nothing of the effect',
      'ends at once when the signal',
    ],
    sink: working(
      (work, under) => (tx, fresh, fail) => work({ query: outside(under), raw: tx.raw }, fresh, fail),
    ),
  },
  {
    fault: 'gives up when a connection is lost',
    breaks: [0, 1, 2].map(n => `hazard 58: applies once when the connection dies after statement ${n}`),
    sink: working(work => {
      let runs = 0
      return (tx, fresh, fail) => (++runs > 1 ? Promise.reject(new Error('again?')) : work(tx, fresh, fail))
    }),
  },
  {
    fault: 'runs every handler twice when it fails',
    breaks: ['does not run a handler again'],
    sink: working(work => (tx, fresh, fail) => work(tx, fresh, fail).catch(() => work(tx, fresh, fail))),
  },
  {
    fault: 'does not look at the answer to COMMIT',
    breaks: ['hazard 64: a handler that swallowed', 'a statement that the handler did not wait for'],
    sink: answering(outcomes =>
      outcomes.map(outcome =>
        outcome.kind === 'failed' && String(outcome.error).includes('ROLLBACK')
          ? { kind: 'applied' }
          : outcome,
      ),
    ),
  },
  {
    fault: 'gives the handler its bare connection',
    breaks: ['refuses a statement after the handler has returned'],
    sink: working(
      work =>
        ({ raw }, fresh, fail) =>
          work({ ...(raw as Tx), query: bareQuery(raw), raw }, fresh, fail),
    ),
  },
  {
    fault: 'does not hear the signal',
    breaks: ['ends at once when the signal aborts', 'stops a statement that runs in the server'],
    sink: wrapped(sink => ({
      apply: (lease, records, options, work) =>
        sink.apply(lease, records, { ...options, signal: new AbortController().signal }, work),
    })),
  },
  {
    fault: 'blames nobody',
    breaks: ['hazard 52: tells bad data from an outage'],
    sink: wrapped(() => ({ isBadData: () => false })),
  },
  {
    fault: 'commits what a handler did before it threw',
    breaks: ['answers failed, and leaves neither', 'offsets alone: a single record that fails'],
    sink: wrapped(sink => ({
      async apply(lease, records, options, work) {
        let thrown: unknown
        const outcomes = await sink.apply(lease, records, options, (tx, fresh, fail) =>
          work(tx, fresh, fail).catch((error: unknown) => void (thrown = error)),
        )
        return thrown === undefined ? outcomes : outcomes.map(() => ({ kind: 'failed', error: thrown }))
      },
    })),
  },
  {
    fault: 'has no inbox',
    breaks: ['answers a record that was applied as a duplicate', 'hazard 62', 'hazard 57'],
    sink: sql('begin_batch', 'return query\n    insert into', noInbox),
  },
  {
    fault: 'checks, and then acts',
    breaks: ['hazard 57'],
    sink: sql(
      'begin_batch',
      'return query\n    insert into',
      `return query select u.bucket, u.id from unnest(p_buckets, p_ids) u(bucket, id)
         where not exists (select from holdfast.inbox i where i.bucket = u.bucket and i.grp = p_grp and i.id = u.id);
       return query
    insert into`,
    ),
  },
  {
    fault: 'takes an event that is under way for a duplicate',
    breaks: ['hazard 59'],
    sink: sql(
      'begin_batch',
      'u(bucket, id) order by',
      'u(bucket, id) where pg_try_advisory_xact_lock(77, hashtext(u.id::text)) order by',
    ),
  },
  {
    fault: 'writes the inbox of one day only',
    breaks: ['one after the other', 'at the same time'].map(
      how => `hazard 60: an id sent again across midnight, also to another partition, applies once (${how})`,
    ),
    sink: () => sinkUnderTest(database.url, { retryWindow: '0ms' }),
  },
  {
    fault: 'chooses the day anew for each delivery',
    breaks: ['hazard 60: one record has one day for ever'],
    sink: wrapped(sink => {
      let deliveries = 0
      return {
        apply: (lease, records, options, work) => {
          const acceptedAt = Date.now() - 3 * DAY_MS * ++deliveries
          return sink.apply(
            lease,
            records.map(record => ({ ...record, acceptedAt })),
            options,
            work,
          )
        },
      }
    }),
  },
  {
    fault: 'knows an event by its id alone',
    breaks: ['two groups do not share', 'hazard 61: a new generation'],
    sink: sql('begin_batch', 'select u.bucket, p_grp, u.id', 'select u.bucket, 1, u.id'),
  },
  {
    fault: 'does not know one source from another',
    breaks: ['the same id of two sources'],
    sink: wrapped(sink => ({
      apply: (lease, records, options, work) =>
        sink.apply(
          lease,
          records.map(record => ({ ...record, source: '' })),
          options,
          work,
        ),
    })),
  },
  {
    fault: 'forgets which days it pruned',
    breaks: ['hazard 60: a record of a day that was pruned'],
    sink: sql('mark_pruned', 'begin\n', 'begin return;\n'),
  },
  {
    fault: 'does not look whether a day was pruned in the meantime',
    breaks: ['hazard 60: a record of a day that was pruned'],
    sink: sql('begin_batch', 'and p.bucket = any (p_buckets)', 'and false'),
  },
  {
    fault: 'takes a settled record for an applied one',
    breaks: ['hazard 61: where offsets say nothing'],
    sink: wrapped(sink => ({
      apply: (lease, records, options, work) =>
        sink.apply(lease, records, { ...options, appliedBelow: options.appliedBelow ?? lastOffset }, work),
    })),
  },
  {
    fault: 'looks at the ids of another generation',
    breaks: ['a look tells what was applied'],
    sink: wrapped(sink => ({
      lookUp: (scope, records, signal) => sink.lookUp({ ...scope, generation: 0 }, records, signal),
    })),
  },
  {
    fault: 'does not see in a look that a day was pruned',
    breaks: ['a look tells what was applied'],
    sink: wrapped(sink => ({
      lookUp: async (scope, records, signal) =>
        (await sink.lookUp(scope, records, signal)).map(known => (known === 'unknown' ? 'missing' : known)),
    })),
  },
  {
    fault: 'prunes by a clock that is ten days ahead',
    breaks: ['pruning keeps the days'],
    sink: async () => {
      const under = await sinkUnderTest(database.url, undefined, {
        ...systemClock,
        now: () => Date.now() + 10 * DAY_MS,
      })
      return under
    },
  },
  {
    fault: 'answers something for nothing',
    breaks: ['an empty call'],
    sink: answering(outcomes => (outcomes.length === 0 ? [{ kind: 'applied' }] : outcomes)),
  },
  {
    fault: 'fails a batch for one bad record',
    breaks: [
      'hazard 63: one bad record',
      'hazard 63: two bad records',
      'hazard 63: a record that the handler marks',
      'hazard 63: a constraint that is checked at COMMIT',
      'hazard 63: the same event twice',
    ],
    sink: answering(outcomes =>
      outcomes.find(({ kind }) => kind === 'failed') ? outcomes.map(() => ({ kind: 'held' })) : outcomes,
    ),
  },
  {
    fault: 'does not hear the keys of its records',
    breaks: ['hazard 43: a record whose day is gone', 'hazard 63: one bad record'],
    sink: wrapped(sink => ({
      apply: (lease, records, options, work) =>
        sink.apply(
          lease,
          records.map(record => ({ ...record, key: undefined })),
          options,
          work,
        ),
    })),
  },
  {
    fault: 'keeps the inbox row of a record that failed',
    breaks: ['hazard 63: one bad record', 'hazard 63: the same event twice'],
    sink: statements(
      ['create rule keep as on delete to holdfast.inbox do instead nothing'],
      ['drop rule keep on holdfast.inbox'],
    ),
  },
  {
    fault: 'inserts the ids of a batch as they come',
    breaks: ['overlapping batches'],
    sink: sql('begin_batch', 'order by u.bucket, u.id', ''),
  },
  {
    fault: 'has no fence',
    breaks: [
      'each take-over raises the epoch',
      'a take-over in a new generation',
      'hazard 36: a lease from before a take-over',
      'confirm is asked after',
    ],
    sink: sql('fence', 'if not found', 'if false'),
  },
  {
    fault: 'reads the lease in a stable function',
    breaks: ['confirm is asked after the former owner is shut out'],
    sink: sql('fence', 'language plpgsql volatile', 'language plpgsql stable'),
  },
  {
    fault: 'fences without a lock',
    breaks: ['a transaction that is under way at a take-over', 'confirm is asked after'],
    sink: sql('fence', 'perform pg_advisory_xact_lock_shared(4242, p_lease);', ''),
  },
  {
    fault: 'waits until nobody has the lease',
    breaks: ['a take-over is not kept waiting by eight clients'],
    sink: wrapped((sink, under) => ({
      async takeOver(scope, confirm) {
        for (let quiet = 0; quiet < 3;) {
          await new Promise(done => setTimeout(done, 20))
          const held = await under.query(
            `select from pg_locks where locktype = 'advisory' and classid = 4242`,
          )
          quiet = held.length === 0 ? quiet + 1 : 0
        }
        return sink.takeOver(scope, confirm)
      },
    })),
  },
  {
    fault: 'has one lease for all partitions',
    breaks: ['partitions and groups have leases of their own'],
    sink: wrapped(sink => ({
      takeOver: (scope, confirm) => sink.takeOver({ ...scope, partition: 0 }, confirm),
    })),
  },
  {
    fault: 'renames a group by forgetting it',
    breaks: ['a group that is renamed'],
    sink: wrapped(sink => ({ renameGroup: async () => true, knownFrom: scope => sink.knownFrom(scope) })),
  },
  {
    fault: 'renames the inbox of a group and not its leases',
    breaks: ['a group that is renamed'],
    sink: wrapped((_, under) => ({
      async renameGroup(from, to) {
        const found = await under.query(`select 1 as one from holdfast.grp where name = '${from}'`)
        await under.query(`update holdfast.grp set name = '${to}' where name = '${from}'`)
        return found.length > 0
      },
    })),
  },
  {
    fault: 'does not listen to the log',
    breaks: ['a take-over that the log does not confirm'],
    sink: wrapped(sink => ({
      takeOver: (scope, confirm) =>
        sink.takeOver(scope, () =>
          confirm().then(
            () => true,
            () => true,
          ),
        ),
    })),
  },
  {
    fault: 'never writes the applied offset',
    breaks: ['the applied offset of a group survives'],
    sink: sql('begin_batch', 'if p_below is not null', 'if false'),
  },
  {
    fault: 'remembers the offsets of a topic that was deleted',
    breaks: ['what is known of offsets from before a topic was deleted'],
    sink: wrapped(sink => ({ takeOver: (scope, confirm) => sink.takeOver(scope, confirm) })),
  },
  {
    fault: 'forgets the offsets of a topic at each take-over since it was deleted',
    breaks: ['what is known of offsets from before a topic was deleted'],
    sink: wrapped((sink, under) => ({
      async takeOver(scope, confirm, since) {
        await under.query('update holdfast.lease set since = -1')
        return sink.takeOver(scope, confirm, since)
      },
    })),
  },
  {
    fault: 'waits for the row of the applied offset',
    breaks: ['concurrent transactions of one partition'],
    sink: sql('begin_batch', 'for update skip locked', 'for update'),
  },
  {
    fault: 'does not ask the applied offset',
    breaks: ['offsets alone: a record is applied once'],
    sink: sql('begin_offsets', 'return former', 'return 0'),
  },
  {
    fault: 'never lowers the applied offset, also not for a record that failed',
    breaks: ['offsets alone: a record that fails holds back'],
    sink: statements(
      [
        `create or replace function only_up() returns trigger language plpgsql as
           $$ begin new.below := greatest(new.below, old.below); return new; end $$`,
        'create trigger only_up before update on holdfast.applied for each row execute function only_up()',
      ],
      ['drop trigger only_up on holdfast.applied'],
    ),
  },
  {
    fault: 'opens no new generation for a range',
    breaks: ['hazard 61: a range that is reprocessed'],
    sink: wrapped(() => ({ inGeneration: async lease => lease })),
  },
  {
    fault: 'resets outside of the transaction',
    breaks: ['a reset that throws'],
    sink: wrapped((sink, under) => ({
      reprocess: (lease, range, reset, signal) =>
        sink.reprocess(lease, range, tx => reset({ query: outside(under), raw: tx.raw }), signal),
    })),
  },
  {
    fault: 'resets again for a job that it knows',
    breaks: ['a job is opened once'],
    sink: sql('open_generation', 'is_new := false', 'is_new := true'),
  },
  {
    fault: 'gives each partition of a job its own generation',
    breaks: ['partitions of a job share'],
    sink: sql('open_generation', 'and r.job = p_job\n', 'and false\n'),
  },
  {
    fault: 'gives a job its generation though the partition has had a later one',
    breaks: ['partitions of a job share'],
    sink: sql('open_generation', 'coalesce(max(o.generation), 0)', '0'),
  },
  {
    fault: 'takes the last word for how far a range has come',
    breaks: ['how far a range has come'],
    sink: wrapped((_, under) => ({
      async reprocessedTo(lease, job, { position, isOver }) {
        await under.query(
          `update holdfast.reprocessed r set position = ${position}, is_over = ${isOver}
           from holdfast.lease l where l.lease = r.lease and l.name = '${lease.group}' and r.job = '${job}'`,
        )
      },
    })),
  },
  {
    fault: 'opens a generation without the fence',
    breaks: ['hazard 36: a former owner opens no generation'],
    sink: sql('open_generation', 'perform holdfast.fence(p_lease, p_epoch);', ''),
  },
])

function bareQuery(raw: unknown): Tx['query'] {
  const client = raw as { query(text: string, params?: readonly unknown[]): Promise<never> }
  return (text, params) => client.query(text, params)
}

function outside(under: SinkUnderTest): Tx['query'] {
  return async (text, params) => {
    const rows = await under.query(text, params)
    return { rows: rows as never[], rowCount: rows.length }
  }
}
