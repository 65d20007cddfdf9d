import { describe, it } from 'vitest'
import { boundLog } from '../../../test/support/bound-log.ts'
import { memory } from '../../drivers/memory/index.ts'
import { offset, sleep, systemClock, type Offset } from '../../event/index.ts'
import { findByReading } from '../find-by-reading.ts'
import { partitionOfKey } from '../partition.ts'
import type {
  AppendOutcome,
  AppendRecord,
  FindOptions,
  IdSearch,
  Imports,
  Log,
  LogEnvironment,
  LogSystem,
  Retains,
} from '../port.ts'
import { keepPromise, logPromises } from './describe-log.ts'
import { describeMutants, type Mutant } from './describe-mutants.ts'
import type { MakeLog, SuiteSettings } from './harness.ts'

type WholeLog = Log & Retains

/** The memory log with some methods replaced. */
function mutant(
  change: (log: WholeLog, env: LogEnvironment) => Partial<WholeLog>,
  settings: Partial<SuiteSettings> = {},
): MakeLog {
  return async given => {
    const { maxRecordBytes, ...leases } = { ...given, ...settings }
    const driver = memory({ maxRecordBytes, leases })
    const open = async (env: LogEnvironment): Promise<LogSystem> => {
      const system = await driver.open(env)
      const log = system.log as WholeLog
      return {
        ...system,
        log: {
          ...whole(log),
          ...change(log, env),
        },
      }
    }
    return { driver: { ...driver, open } }
  }
}

function whole(log: WholeLog): WholeLog {
  return { ...boundLog(log), enforceRetention: signal => log.enforceRetention(signal) }
}

const appending = (change: (record: AppendRecord, index: number) => AppendRecord): MakeLog =>
  mutant(log => ({ append: (topic, records) => log.append(topic, records.map(change)) }))

const swallowing = async <T>(promise: Promise<T>, instead: T): Promise<T> => promise.catch(() => instead)

function without<K extends keyof AppendRecord>(record: AppendRecord, name: K): Omit<AppendRecord, K> {
  const { [name]: _, ...rest } = record
  return rest
}

const appendMutants: readonly Mutant[] = [
  {
    fault: 'answers outcomes in another order',
    breaks: ['answers one outcome per record', 'stores the records of one call'],
    log: mutant(log => ({ append: async (t, records) => (await log.append(t, records)).toReversed() })),
  },
  {
    fault: 'cannot append nothing',
    breaks: ['answers an empty call'],
    log: mutant(log => ({
      append: async (t, records) =>
        records.length > 0 ? log.append(t, records) : log.append(t, [{ value: null, headers: {} }]),
    })),
  },
  {
    fault: 'turns the records of a call around',
    breaks: ['stores the records of one call'],
    log: mutant(log => ({
      append: async (t, records) => (await log.append(t, records.toReversed())).toReversed(),
    })),
  },
  {
    fault: 'lets a later call overtake',
    breaks: ['orders calls by when they were made'],
    log: mutant((log, { clock }) => {
      let calls = 0
      return {
        async append(t, records) {
          if (calls++ % 2 === 0) await sleep(clock, 1)
          return log.append(t, records)
        },
      }
    }),
  },
  {
    fault: 'answers two records with one position',
    breaks: ['hazard 18', 'stores the records of one call'],
    log: mutant(log => ({
      append: async (t, records) => {
        const outcomes = await log.append(t, records)
        return outcomes.map((outcome, i) => ({
          ...outcome,
          position: outcomes[i & ~3]?.position ?? outcome.position,
        }))
      },
    })),
  },
  {
    fault: 'keeps values as text',
    breaks: ['hazard 7'],
    log: appending(record => ({
      ...record,
      value: record.value && new TextEncoder().encode(new TextDecoder().decode(record.value)),
    })),
  },
  {
    fault: 'writes JSON anew',
    breaks: ['hazard 7'],
    log: appending(record => {
      try {
        const json: unknown = JSON.parse(new TextDecoder().decode(record.value ?? undefined))
        return { ...record, value: new TextEncoder().encode(JSON.stringify(json)) }
      } catch {
        return record
      }
    }),
  },
  {
    fault: 'loses headers with an odd name',
    breaks: ['hazard 7'],
    log: appending(record => ({ ...record, headers: Object.assign({}, record.headers) })),
  },
  {
    fault: 'takes a tombstone for an empty value',
    breaks: ['hazard 42'],
    log: appending(record => ({ ...record, value: record.value ?? new Uint8Array() })),
  },
  {
    fault: 'takes an empty key for none',
    breaks: ['hazard 42', 'hazard 7'],
    log: appending(record => ({ ...record, key: record.key || undefined })),
  },
  {
    fault: 'lends out its buffers',
    breaks: ['keeps its bytes to itself'],
    log: mutant(log => {
      const lent = new Map<Offset, Uint8Array | null>()
      return {
        async read(at, limits, signal) {
          const result = await log.read(at, limits, signal)
          for (const { offset, value } of result.records) if (!lent.has(offset)) lent.set(offset, value)
          const records = result.records.map(record => ({
            ...record,
            value: lent.get(record.offset) ?? null,
          }))
          return { ...result, records }
        },
      }
    }),
  },
  {
    fault: 'chooses partitions by another hash',
    breaks: ['hazard 30'],
    log: mutant(log => ({
      append: async (t, records) => {
        const { partitions } = (await log.topics.describe(t)) ?? { partitions: 1 }
        const choose = ({ key, partition }: AppendRecord): number | undefined =>
          partition ?? (key === undefined ? undefined : partitionOfKey(`${key} `, partitions))
        return log.append(
          t,
          records.map(record => ({ ...record, partition: choose(record) })),
        )
      },
    })),
  },
  {
    fault: 'puts records without a key into the first partition',
    breaks: ['spreads records without a key'],
    log: appending(record => (record.key === undefined ? { partition: 0, ...record } : record)),
  },
  {
    fault: 'does not look at the partition of a record',
    breaks: ['puts a record where it says itself'],
    log: appending(record => without(record, 'partition')),
  },
  {
    fault: 'folds a partition that is not there into one that is',
    breaks: ['puts a record where it says itself'],
    log: appending(record => (record.partition === 3 ? { ...record, partition: 0 } : record)),
  },
  {
    fault: 'stores a call record by record',
    breaks: ['hazard 20', 'does not know the ids of a call that was refused'],
    log: mutant(log => ({
      async append(t, records) {
        const outcomes: AppendOutcome[] = []
        for (const record of records) outcomes.push(...(await log.append(t, [record])))
        return outcomes
      },
    })),
  },
  {
    fault: 'takes one byte less than it says',
    breaks: ['hazard 20'],
    log: async given => {
      const { maxRecordBytes, ...leases } = given
      return { driver: memory({ maxRecordBytes: maxRecordBytes - 1, leases }) }
    },
  },
  {
    fault: 'makes topics when they are written to',
    breaks: ['hazard 29'],
    log: mutant(log => ({
      async append(t, records) {
        if (!(await log.topics.describe(t))) await log.topics.create(t, { partitions: 1 })
        return log.append(t, records)
      },
    })),
  },
]

/** Times as the wall clock says, which may go back. */
function wallTimes(log: WholeLog, { clock }: LogEnvironment): Partial<WholeLog> {
  const times = new Map<Offset, number>()
  return {
    async append(t, records) {
      const timestamp = clock.now()
      const outcomes = await log.append(t, records)
      for (const { position } of outcomes) times.set(position.offset, timestamp)
      return outcomes.map(outcome => (outcome.kind === 'appended' ? { ...outcome, timestamp } : outcome))
    },
    async read(at, limits, signal) {
      const result = await log.read(at, limits, signal)
      const records = result.records.map(r => ({ ...r, timestamp: times.get(r.offset) ?? r.timestamp }))
      return { ...result, records }
    },
    async offsetAt(tp, time) {
      let { start: low, end: high } = await log.bounds(tp)
      while (low < high) {
        const middle = offset((low + high) / 2n)
        if ((times.get(middle) ?? 0) < time) low = offset(middle + 1n)
        else high = middle
      }
      return low
    },
  }
}

const readMutants: readonly Mutant[] = [
  {
    fault: 'stamps with the wall clock as it is, and seeks as if it only grew',
    breaks: ['hazard 19: stamps', 'hazard 19: skips no record', 'goes on after it was closed'],
    log: mutant(wallTimes),
  },
  {
    fault: 'leaves out the last record',
    breaks: ['reads on from any position', 'answers at most maxRecords'],
    log: mutant(log => ({
      async read(at, limits, signal) {
        const result = await log.read(at, limits, signal)
        return { ...result, records: result.records.slice(0, -1) }
      },
    })),
  },
  {
    fault: 'begins a chunk at its first record, not at the position',
    breaks: ['reads on from any position'],
    log: mutant(log => ({
      read: (at, limits, signal) => log.read({ ...at, offset: offset(at.offset & ~3n) }, limits, signal),
    })),
  },
  {
    fault: 'answers more than maxRecords',
    breaks: ['answers at most maxRecords'],
    log: mutant(log => ({
      read: (at, limits, signal) => log.read(at, { ...limits, maxRecords: limits.maxRecords + 1 }, signal),
    })),
  },
  {
    fault: 'says that the end is next',
    breaks: ['answers at most maxRecords'],
    log: mutant(log => ({
      async read(at, limits, signal) {
        const result = await log.read(at, limits, signal)
        return { ...result, next: result.end }
      },
    })),
  },
  {
    fault: 'answers nothing when the first record is too large',
    breaks: ['stops at about maxBytes'],
    log: mutant(log => ({
      async read(at, limits, signal) {
        const result = await log.read(at, limits, signal)
        const tooLarge = (result.records[0]?.value?.length ?? 0) > limits.maxBytes
        return tooLarge ? { ...result, records: [], next: at.offset } : result
      },
    })),
  },
  {
    fault: 'shares an answer of a few bytes among all who read at the same time',
    breaks: ['answers one record however large also'],
    log: mutant(log => {
      let reading = 0
      return {
        async read(at, limits, signal) {
          const isFirst = reading++ === 0
          await Promise.resolve()
          const result = await log.read(at, limits, signal)
          reading--
          return isFirst || limits.maxBytes > 1 ? result : { ...result, records: [], next: at.offset }
        },
      }
    }),
  },
  {
    fault: 'does not count bytes',
    breaks: ['stops at about maxBytes'],
    log: mutant(log => ({
      read: (at, limits, signal) => log.read(at, { ...limits, maxBytes: Number.MAX_SAFE_INTEGER }, signal),
    })),
  },
  {
    fault: 'waits until something comes, however long',
    breaks: ['answers none at the end'],
    log: mutant(log => ({ read: (at, limits, signal) => log.read(at, { ...limits, waitMs: 1e8 }, signal) })),
  },
  {
    fault: 'does not wait',
    breaks: ['waits for the next record'],
    log: mutant(log => ({ read: (at, limits, signal) => log.read(at, { ...limits, waitMs: 0 }, signal) })),
  },
  {
    fault: 'looks again only when the wait is over, and does not hear its signal or the close',
    breaks: ['waits for the next record', 'ends the wait', 'ends waiting reads'],
    log: mutant((log, { clock }) => ({
      async read(at, limits, signal) {
        const first = await log.read(at, { ...limits, waitMs: 0 }, signal)
        if (first.records.length > 0 || limits.waitMs === 0) return first
        await sleep(clock, limits.waitMs)
        return log.read(at, { ...limits, waitMs: 0 }, signal)
      },
    })),
  },
  {
    fault: 'reads another partition',
    breaks: ['keeps partitions apart'],
    log: mutant(log => ({ read: (at, limits, signal) => log.read({ ...at, partition: 0 }, limits, signal) })),
  },
  {
    fault: 'answers nothing for a position that is not there',
    breaks: ['refuses a position above the end', 'hazard 21: tells'],
    log: mutant(log => ({
      read: (at, limits, signal) =>
        swallowing(log.read(at, limits, signal), { records: [], next: at.offset, end: at.offset }),
    })),
  },
  {
    fault: 'moves a reader that was overtaken to the start',
    breaks: ['hazard 21: tells'],
    log: mutant(log => ({
      async read(at, limits, signal) {
        const { start } = await log.bounds(at)
        return log.read({ ...at, offset: at.offset < start ? start : at.offset }, limits, signal)
      },
    })),
  },
  {
    fault: 'takes the last record for the end',
    breaks: ['bounds are equal', 'finds the first record'],
    log: mutant(log => ({
      async bounds(tp) {
        const { start, end } = await log.bounds(tp)
        return { start, end: end > start ? offset(end - 1n) : end }
      },
    })),
  },
  {
    fault: 'finds the first record after a time, not at it',
    breaks: ['finds the first record', 'hazard 19: skips no record'],
    log: mutant(log => ({ offsetAt: (tp, time) => log.offsetAt(tp, time + 1) })),
  },
]

const topicMutants: readonly Mutant[] = [
  {
    fault: 'does not keep the retention of a topic',
    breaks: ['describes and lists', 'takes the same declaration again'],
    log: mutant(({ topics }) => ({
      topics: {
        create: (topic, settings) => topics.create(topic, settings),
        list: () => topics.list(),
        delete: topic => topics.delete(topic),
        describe: async topic => {
          const partitions = (await topics.describe(topic))?.partitions
          return partitions === undefined ? undefined : { partitions }
        },
      },
    })),
  },
  {
    fault: 'leaves a topic as it was first declared',
    breaks: ['takes the same declaration again', 'adds partitions', 'refuses fewer partitions'],
    log: mutant(({ topics }) => ({
      topics: {
        create: async (topic, settings) => {
          if (!(await topics.describe(topic))) await topics.create(topic, settings)
        },
        describe: topic => topics.describe(topic),
        list: () => topics.list(),
        delete: topic => topics.delete(topic),
      },
    })),
  },
  {
    fault: 'says nothing about declarations that cannot be',
    breaks: ['refuses names and numbers', 'refuses fewer partitions'],
    log: mutant(({ topics }) => ({
      topics: {
        create: (topic, settings) => swallowing(topics.create(topic, settings), undefined),
        describe: topic => topics.describe(topic),
        list: () => topics.list(),
        delete: topic => topics.delete(topic),
      },
    })),
  },
  {
    fault: 'hides a deleted topic and keeps its records',
    breaks: ['deletes a topic with its records'],
    log: mutant(({ topics }) => {
      const hidden = new Set<string>()
      return {
        topics: {
          create: async (topic, settings) => {
            hidden.delete(topic)
            await topics.create(topic, settings)
          },
          describe: topic => topics.describe(topic),
          list: async () => (await topics.list()).filter(topic => !hidden.has(topic)),
          delete: async topic => void hidden.add(topic),
        },
      }
    }),
  },
]

const dedupMutants: readonly Mutant[] = [
  {
    fault: 'does not look at ids',
    breaks: ['hazard 5:', 'hazard 6', 'finds duplicates and conflicts', 'hazard 57', 'knows ids after'],
    log: appending(record => without(record, 'dedup')),
  },
  {
    fault: 'does not compare payloads',
    breaks: ['hazard 6', 'finds duplicates and conflicts'],
    log: appending(record =>
      record.dedup ? { ...record, dedup: { ...record.dedup, hash: new Uint8Array() } } : record,
    ),
  },
  ...(['', '|', '\0'] as const).map((separator): Mutant => ({
    fault: `joins the parts of an id with ${JSON.stringify(separator)}`,
    breaks: ['hazard S5'],
    log: appending(record => {
      if (!record.dedup) return record
      const { scope, source, id, hash } = record.dedup
      return { ...record, dedup: { scope: '', source: '', id: [scope, source, id].join(separator), hash } }
    }),
  })),
  {
    fault: 'does not know the ids of other tenants apart',
    breaks: ['hazard S5'],
    log: appending(record => (record.dedup ? { ...record, dedup: { ...record.dedup, scope: '' } } : record)),
  },
  {
    fault: 'looks ids up before the call, not within it',
    breaks: ['finds duplicates and conflicts'],
    log: mutant(log => ({
      append: (t, records) => {
        const seen = new Set<string>()
        return log.append(
          t,
          records.map(record => {
            const again = record.dedup && seen.has(record.dedup.id)
            if (record.dedup) seen.add(record.dedup.id)
            return again ? without(record, 'dedup') : record
          }),
        )
      },
    })),
  },
  {
    fault: 'looks an id up, then stores it',
    breaks: ['hazard 57'],
    log: mutant((log, { clock }) => {
      const known = new Set<string>()
      return {
        async append(t, records) {
          const isNew = records.every(({ dedup }) => dedup && !known.has(dedup.id))
          await sleep(clock, 1)
          for (const { dedup } of records) if (dedup) known.add(dedup.id)
          return log.append(t, isNew ? records.map(record => without(record, 'dedup')) : records)
        },
      }
    }),
  },
  {
    fault: 'takes equal payloads for duplicates',
    breaks: ['stores records without an id'],
    log: appending(record => ({
      dedup: { scope: '', source: '', id: String(record.value), hash: new Uint8Array() },
      ...record,
    })),
  },
]

const retentionMutants: readonly Mutant[] = [
  {
    fault: 'deletes nothing',
    breaks: ['deletes what is older', 'deletes the oldest', 'hazard 21: tells', 'goes on behind'],
    log: mutant(() => ({ enforceRetention: async () => new Map() })),
  },
  {
    fault: 'deletes everything',
    breaks: ['deletes what is older', 'deletes the oldest', 'hazard 19: deletes nothing early'],
    log: mutant(log => ({
      async enforceRetention(signal) {
        for (const topic of await log.topics.list()) {
          const { partitions = 1 } = (await log.topics.describe(topic)) ?? {}
          await log.topics.create(topic, { partitions, retentionBytes: 1 })
        }
        return log.enforceRetention(signal)
      },
    })),
  },
  {
    fault: 'does not hear the signal of retention',
    breaks: ['stops when its signal aborts'],
    log: mutant(log => ({ enforceRetention: () => log.enforceRetention(new AbortController().signal) })),
  },
]

const deletionMutants: readonly Mutant[] = [
  {
    fault: 'deletes no records when asked to',
    breaks: [
      'deletes what was stored alone',
      'deletes all that there is',
      'hazard 21: refuses a reader that stands',
      'does nothing at or below',
      'finds times, and leaves',
    ],
    log: mutant(() => ({ deleteRecords: async () => {} })),
  },
  {
    fault: 'deletes the record at the position too',
    breaks: ['deletes what was stored alone', 'keeps every record from a position on'],
    log: mutant(log => ({
      async deleteRecords(before) {
        const { end } = await log.bounds(before)
        const more = before.offset < end ? offset(before.offset + 1n) : before.offset
        await log.deleteRecords({ ...before, offset: more })
      },
    })),
  },
  {
    fault: 'deletes in every partition',
    breaks: ['deletes what was stored alone'],
    log: mutant(log => ({
      async deleteRecords(before) {
        const { partitions = 1 } = (await log.topics.describe(before.topic)) ?? {}
        for (let partition = 0; partition < partitions; partition++) {
          const { end } = await log.bounds({ ...before, partition })
          const most = before.offset < end ? before.offset : end
          await log.deleteRecords({ ...before, partition, offset: most })
        }
      },
    })),
  },
  {
    fault: 'keeps the last record',
    breaks: ['deletes all that there is'],
    log: mutant(log => ({
      async deleteRecords(before) {
        const { end } = await log.bounds(before)
        await log.deleteRecords(before.offset === end ? { ...before, offset: offset(end - 1n) } : before)
      },
    })),
  },
  {
    fault: 'takes a position above the end for the end',
    breaks: ['does nothing at or below'],
    log: mutant(log => ({
      async deleteRecords(before) {
        const { end } = await log.bounds(before)
        await log.deleteRecords(before.offset > end ? { ...before, offset: end } : before)
      },
    })),
  },
  {
    fault: 'moves a reader that stands below what was deleted to the start',
    breaks: ['hazard 21: refuses a reader that stands'],
    log: mutant(log => ({
      async read(at, limits, signal) {
        const { start } = await log.bounds(at)
        return log.read({ ...at, offset: at.offset < start ? start : at.offset }, limits, signal)
      },
    })),
  },
  {
    fault: 'seeks as if nothing had been deleted',
    breaks: ['finds times, and leaves'],
    log: mutant(log => ({
      async offsetAt(tp, time) {
        const { start } = await log.bounds(tp)
        return offset((await log.offsetAt(tp, time)) - start)
      },
    })),
  },
  {
    fault: 'has everything again that was deleted, once it is opened anew',
    breaks: ['has nothing again'],
    log: async ({ maxRecordBytes, ...leases }) => {
      // What is deleted is only hidden, by whoever was asked.
      const driver = memory({ maxRecordBytes, leases })
      const open = async (env: LogEnvironment): Promise<LogSystem> => {
        const system = await driver.open(env)
        const starts = new Map<string, Offset>()
        const log = system.log as WholeLog
        return {
          ...system,
          log: {
            ...whole(log),
            deleteRecords: async before => void starts.set(before.topic, before.offset),
            async bounds(tp) {
              const { start, end } = await log.bounds(tp)
              return { start: starts.get(tp.topic) ?? start, end }
            },
          },
        }
      }
      return { driver: { ...driver, open } }
    },
  },
]

const lifecycleMutants: readonly Mutant[] = [
  {
    fault: 'cannot be closed twice',
    breaks: ['closes once'],
    log: mutant(log => ({
      async close() {
        await log.topics.list() // refused when it is closed
        await log.close()
      },
    })),
  },
  {
    fault: 'answers after it was closed',
    breaks: ['closes once'],
    log: mutant(log => ({ append: (t, records) => swallowing(log.append(t, records), []) })),
  },
  {
    fault: 'drops what is under way when it closes',
    breaks: ['lets appends under way finish'],
    log: mutant((log, { clock }) => ({
      async append(t, records) {
        await sleep(clock, 1)
        return log.append(t, records)
      },
    })),
  },
  {
    fault: 'is empty whenever it is opened',
    breaks: [
      'goes on after it was closed',
      'hazard 1: has every',
      'knows ids after',
      'has what came from another log',
    ],
    log: async ({ maxRecordBytes, ...leases }) => {
      const open = (env: LogEnvironment): Promise<LogSystem> => memory({ maxRecordBytes, leases }).open(env)
      return { driver: { kind: 'memory', where: 'memory', open } }
    },
  },
]

/** The memory log, which finds ids by reading all of it; and what becomes of its answer. */
function finding(
  change: (
    find: (id: string, options: FindOptions) => Promise<IdSearch>,
    log: Log,
  ) => (id: string, options: FindOptions) => Promise<IdSearch> = find => find,
): MakeLog {
  return async ({ maxRecordBytes, ...leases }) => {
    const driver = memory({ maxRecordBytes, leases })
    const open = async (env: LogEnvironment): Promise<LogSystem> => {
      const system = await driver.open(env)
      const find = change((id, options) => findByReading(system.log, id, options, systemClock), system.log)
      return { ...system, findId: find }
    }
    return { driver: { ...driver, open } }
  }
}

const findMutants: readonly Mutant[] = [
  {
    fault: 'finds the event alone, whatever it is asked for',
    breaks: ['finds the event of an id in any topic'],
    log: finding(find => (id, options) => find(id, { ...options, as: ['id'] })),
  },
  {
    fault: 'answers the newest first',
    breaks: ['finds the event of an id in any topic'],
    log: finding(find => async (id, options) => {
      const found = await find(id, options)
      return { ...found, records: found.records.toReversed() }
    }),
  },
  {
    fault: 'finds an id wherever its text stands',
    breaks: ['finds an id only where it stands whole'],
    log: finding((find, log) => async (id, options) => {
      const found = await find(id, options)
      const [topic = ''] = await log.topics.list()
      const { start } = await log.bounds({ topic, partition: 0 })
      const limits = { maxRecords: 100, maxBytes: 100_000, waitMs: 0 }
      const { records } = await log.read({ topic, partition: 0, offset: start }, limits, options.signal)
      return { ...found, records: records.filter(({ headers }) => headers['ce_id']?.includes(id)) }
    }),
  },
  {
    fault: 'does not know when to stop',
    breaks: ['answers no more than it was asked for'],
    log: finding(find => (id, options) => find(id, { ...options, limit: 1_000 })),
  },
  {
    fault: 'keeps to itself what it left out',
    breaks: ['answers for every event that there is'],
    log: finding(find => async (id, options) => ({ ...(await find(id, options)), unsearched: [] })),
  },
  {
    fault: 'finds twice what is there, and so what is gone',
    breaks: ['finds nothing in what was deleted'],
    log: finding(find => async (id, options) => {
      const found = await find(id, options)
      return { ...found, records: [...found.records, ...found.records] }
    }),
  },
  {
    fault: 'finds only what it has seen itself',
    breaks: ['finds after the process died'],
    log: finding(find => async (id, options) => ({ ...(await find(id, options)), records: [] })),
  },
]

/** The memory log with some of its ways to become the copy of another replaced. */
function importing(
  change: (imports: Imports, system: LogSystem) => Partial<Imports>,
  settings: Partial<SuiteSettings> = {},
): MakeLog {
  return async given => {
    const { maxRecordBytes, ...leases } = { ...given, ...settings }
    const driver = memory({ maxRecordBytes, leases })
    const open = async (env: LogEnvironment): Promise<LogSystem> => {
      const system = await driver.open(env)
      const { imports } = system
      if (!imports) throw new Error('the memory log can become a copy')
      return { ...system, imports: { ...imports, ...change(imports, system) } }
    }
    return { driver: { ...driver, open } }
  }
}

const importMutants: readonly Mutant[] = [
  {
    fault: 'begins where it is',
    breaks: ['lets an empty partition go on', 'lets none go on elsewhere'],
    log: importing(() => ({ begin: async () => {} })),
  },
  {
    fault: 'keeps what it put in front of the beginning',
    breaks: ['lets an empty partition go on'],
    log: importing((imports, { log }) => ({
      async begin(at) {
        const { end } = await log.bounds(at)
        const filler = { key: undefined, value: null, headers: {}, timestamp: 0 }
        const count = Number(at.offset - end)
        if (count > 0)
          await imports.append(
            { ...at, offset: end },
            Array.from({ length: count }, () => filler),
          )
      },
    })),
  },
  {
    fault: 'deletes what is there to begin elsewhere',
    breaks: ['lets none go on elsewhere'],
    log: importing((imports, { log }) => ({
      async begin(at) {
        const { end } = await log.bounds(at)
        await log.deleteRecords({ ...at, offset: end })
        await imports.begin(at)
      },
    })),
  },
  {
    fault: 'stamps records of another log anew',
    breaks: ['has every record of another log'],
    log: importing((_, { log }) => ({
      async append(at, records) {
        await log.append(
          at.topic,
          records.map(record => ({ ...record, partition: at.partition })),
        )
      },
    })),
  },
  {
    fault: 'loses what has no value',
    breaks: ['has every record of another log'],
    log: importing(imports => ({
      append: (at, records) =>
        imports.append(
          at,
          records.map(record => ({ ...record, value: record.value ?? new Uint8Array() })),
        ),
    })),
  },
  {
    fault: 'appends wherever the partition ends',
    breaks: ['takes records of another log only'],
    log: importing((imports, { log }) => ({
      append: async (at, records) => imports.append({ ...at, offset: (await log.bounds(at)).end }, records),
    })),
  },
  {
    fault: 'says nothing of records of another log',
    breaks: ['wakes who waits'],
    log: importing((_, { log }) => {
      const read = log.read.bind(log)
      log.read = async (at, limits, signal) => {
        const first = await read(at, { ...limits, waitMs: 0 }, signal)
        if (first.records.length > 0 || limits.waitMs === 0) return first
        await sleep(systemClock, limits.waitMs, signal)
        return first
      }
      return {}
    }),
  },
  {
    fault: 'loses notes, as a move by hand keeps those that are there',
    breaks: ['sets positions with their notes'],
    log: importing((_, { groups }) => ({ positions: (group, positions) => groups.move(group, positions) })),
  },
  {
    fault: 'sets the positions of a call one after another, wherever it can',
    breaks: ['sets no position under'],
    log: importing(imports => ({
      async positions(group, positions) {
        for (const position of positions) await imports.positions(group, [position])
      },
    })),
  },
]

const {
  append = [],
  read = [],
  'records of another log': imported = [],
  'finding ids': find = [],
  topics = [],
  deduplication = [],
  retention = [],
  deletion = [],
  'open and close': openAndClose = [],
} = logPromises

describe('finding ids by reading', () => {
  it.each(find.map(({ promise }) => promise))('%s', async text => {
    const promise = find.find(({ promise }) => promise === text)
    if (promise) await keepPromise(promise, finding())
  })
})

describe('mutants of the log', () => {
  describeMutants(
    [
      ...append,
      ...read,
      ...topics,
      ...deduplication,
      ...retention,
      ...deletion,
      ...imported,
      ...find,
      ...openAndClose,
    ].filter(
      ({ promise }) => !promise.startsWith('hazard 12'), // about groups
    ),
    [
      ...appendMutants,
      ...readMutants,
      ...topicMutants,
      ...dedupMutants,
      ...retentionMutants,
      ...deletionMutants,
      ...importMutants,
      ...findMutants,
      ...lifecycleMutants,
    ],
  )
})
