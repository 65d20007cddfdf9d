import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { app, postgres, topic, type App, type LogDriver, type ResetRange } from '../src/index.ts'
import { offset } from '../src/event/index.ts'
import type { Tx } from '../src/sink/index.ts'
import type { Intent } from '../src/server/operations/operation.ts'
import { perform } from '../src/server/operations/perform.ts'
import type { TopicChange } from '../src/server/operations/topic-change.ts'
import { topicDelete } from '../src/server/operations/topic-delete.ts'
import { observed } from './harness/observed.ts'
import { until } from './harness/until.ts'
import { ownPostgres, query, testDatabase } from './postgres.ts'
import { caughtUp } from './support/caught-up.ts'
import { describeOn } from './support/test-logs.ts'
import { nextMoment, toArray } from './support/wait.ts'

const database = testDatabase()
const orders = topic('orders', {
  key: 'customer',
  partitions: 3,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

const derived = topic('derived', {
  key: 'customer',
  partitions: 3,
  events: { placed: z.object({ customer: z.string(), n: z.number() }) },
})

interface Row {
  readonly n: number
  readonly version: number
  readonly generation: number
}

/** What a group has written, in the order of its transactions within a key. */
async function rows(grp: string, url: string = database.url): Promise<Row[]> {
  const found = await query(url, 'select n, version, generation from seen where grp = $1 order by id', [grp])
  return found.map(row => ({
    n: Number(row['n']),
    version: Number(row['version']),
    generation: Number(row['generation']),
  }))
}

const numbers = (found: readonly Row[]): number[] => found.map(({ n }) => n).toSorted((a, b) => a - b)
const upTo = (to: number, from = 0): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const customerOf = (n: number): string => `c${n % 7}`

interface Handler {
  /** Written with each row: which handler it was. */
  version: number
  before?: (n: number) => void | Promise<void>
  reset?: (range: ResetRange, tx: Tx) => Promise<void>
}

const deleteRange = async ({ group, partition, from, to }: ResetRange, tx: Tx): Promise<void> => {
  await tx.query('delete from seen where grp = $1 and partition = $2 and at >= $3 and at < $4', [
    group,
    partition,
    from,
    to,
  ])
}

/** An app with group `a`, whose handler is changed by the test, and `b`, which sees nothing of what is done to `a`. */
interface Shop {
  readonly batch?: boolean
  readonly log: LogDriver
  /** Of a database of its own. */
  readonly url?: string
  readonly retry?: readonly ['1h']
  /** Whether `a` publishes an event for each, which group `behind` writes down. */
  readonly derive?: boolean
}

async function started(
  handler: Handler,
  { batch = false, log, url = database.url, retry, derive = false }: Shop,
): Promise<App<true>> {
  const shop = app({ name: 'shop', log, db: postgres(url) })
  const write =
    'insert into seen (grp, n, partition, at, version, generation) values ($1, $2, $3, $4, $5, $6)'
  const policy = { from: 'earliest', retry: ['1ms'] } as const
  const a = shop.consumer('a', orders, {
    ...policy,
    ...(retry && { retry }),
    onError: error => (error instanceof TypeError ? 'dead' : undefined),
    reset: (range, tx) => (handler.reset ?? deleteRange)(range, tx),
  })
  if (batch) {
    a.effectBatch(['placed'], { max: 20, within: '5ms' }, async (events, tx, { generation }) => {
      for (const { data, partition, offset } of events) {
        await handler.before?.(data.n)
        await tx.query(write, ['a', data.n, partition, offset, handler.version, generation])
      }
    })
  } else {
    a.effect('placed', async ({ data, partition, offset }, tx, { generation }) => {
      await handler.before?.(data.n)
      await tx.query(write, ['a', data.n, partition, offset, handler.version, generation])
      if (derive) await tx.publish(derived, 'placed', data)
    })
  }
  if (derive) {
    shop.consumer('behind', derived, policy).effect('placed', async ({ data, partition, offset }, tx) => {
      await tx.query(write, ['behind', data.n, partition, offset, 0, 0])
    })
  }
  shop.consumer('b', orders, policy).effect('placed', async ({ data, partition, offset }, tx) => {
    await tx.query(write, ['b', data.n, partition, offset, 0, 0])
  })
  await shop.start()
  onTestFinished(() => shop.stop({ drain: '0ms' }))
  return shop
}

async function publish(shop: App<true>, ns: readonly number[]): Promise<void> {
  // One after another within a key.
  await Promise.all(
    [...Map.groupBy(ns, customerOf).values()].map(async ofOne => {
      for (const n of ofOne) await shop.publish(orders, 'placed', { customer: customerOf(n), n })
    }),
  )
}

/** Of each key the numbers must grow. */
function expectOrdered(found: readonly Row[]): void {
  for (const [customer, ofOne] of Map.groupBy(found, ({ n }) => customerOf(n)))
    expect([customer, ofOne.map(({ n }) => n)]).toEqual([customer, numbers(ofOne)])
}

const TABLE =
  'create table seen (id bigserial, grp text, n int, partition int, at bigint, version int, generation int)'

beforeEach(async () => {
  await database.query('drop table if exists seen')
  await database.query(TABLE)
  await database.query('drop schema if exists holdfast cascade')
})

describeOn(['memory', 'kafka'], 'a replay that reprocesses', on => {
  // How the sink is called has nothing to do with the log.
  it.each(on.kind === 'kafka' ? [false] : [false, true])(
    'hazard 61: runs a day again, once and in order, with live events coming in, as a model says (in batches: %s)',
    async batch => {
      const handler: Handler = {
        version: 1,
        before: n => {
          if (n % 50 === 1 && handler.version === 1) throw new TypeError('dead by the first handler')
          if (n % 60 === 2 && handler.version === 2) throw new TypeError('dead by the second')
        },
      }
      const shop = await started(handler, { batch, log: await on.fresh() })
      await publish(shop, upTo(100)) // of the day before
      const from = await nextMoment()
      await publish(shop, upTo(400, 100))
      const to = await nextMoment()
      await publish(shop, upTo(450, 400)) // of the day after
      await caughtUp(shop, orders)
      const first = (n: number): boolean => n % 50 !== 1
      const then = upTo(450).filter(first)
      await until('what waited behind a dead one has its end', async () => {
        return (await rows('a')).length >= then.length
      })
      expect(numbers(await rows('a'))).toEqual(then)

      handler.version = 2
      const plan = await shop.replay('a', { from, to, mode: 'reprocess', dryRun: true })
      expect(plan).toMatchObject({ mode: 'reprocess', counts: { events: 300, missing: 294, left: 6 } })
      expect(plan.types).toMatchObject({ placed: { events: 300 } })
      const before = await shop.system.groups.committed('a')
      let positions = new Map(before.map(one => [one.partition, one.offset]))
      let wentBack = 0
      const watching = setInterval(() => {
        void shop.system.groups.committed('a').then(now => {
          for (const one of now) if (one.offset < (positions.get(one.partition) ?? 0n)) wentBack += 1
          positions = new Map(now.map(one => [one.partition, one.offset]))
        })
      }, 20)
      onTestFinished(() => clearInterval(watching))
      const job = await shop.replay('a', { from, to, mode: 'reprocess', reason: 'ticket 7' })
      const live = publish(shop, upTo(700, 450))
      const ended = await job.done
      expect(ended).toMatchObject({ state: 'done', mode: 'reprocess', reason: 'ticket 7' })
      await live
      await caughtUp(shop, orders)
      const second = (n: number): boolean => n % 60 !== 2
      const redone = upTo(400, 100).filter(second)
      const others = [...upTo(100), ...upTo(450, 400)].filter(first)
      const later = upTo(700, 450).filter(second)
      const count = redone.length + others.length + later.length
      await until('every event has its end', async () => (await rows('a')).length >= count)
      const found = await rows('a')
      expect(numbers(found.filter(({ generation }) => generation === 1)), 'what the model says').toEqual(
        redone,
      )
      expect(numbers(found.filter(({ generation }) => generation === 0))).toEqual([...others, ...later])
      expect(found.filter(({ generation }) => generation === 1).every(({ version }) => version === 2)).toBe(
        true,
      )
      expectOrdered(found.filter(({ version }) => version === 2))
      const { applied, died, left } = ended.counts
      expect(applied + died + left, 'each has its place').toBe(300)
      expect(numbers(await rows('b')), 'another group sees nothing of it').toEqual(upTo(700))
      expect(wentBack).toBe(0)

      const letters = await toArray(shop.dead('a').list({ status: 'all' }))
      const ofStatus = (status: string): number[] =>
        letters
          .filter(letter => letter.status === status)
          .map(letter => (JSON.parse(Buffer.from(letter.value ?? []).toString()) as { n: number }).n)
          .toSorted((a, b) => a - b)
      expect(ofStatus('superseded')).toEqual(upTo(400, 100).filter(n => !first(n)))
      expect(ofStatus('died')).toEqual(
        [
          ...upTo(100).filter(n => !first(n)),
          ...upTo(700, 100).filter(n => !second(n) && (n < 400 || n >= 450)),
          ...upTo(450, 400).filter(n => !first(n)),
        ].toSorted((a, b) => a - b),
      )
      observed(
        `${redone.length} of 700 run again with 250 live ones beside; ${ofStatus('superseded').length} letters superseded`,
      )
    },
  )

  it('ends with its topic, when that is deleted: what comes in one of the same name is new, and runs once', async () => {
    let resets = 0
    const handler: Handler = {
      version: 1,
      reset: async (range, tx) => {
        resets += 1
        await deleteRange(range, tx)
      },
    }
    const shop = await started(handler, { log: await on.fresh() })
    await publish(shop, upTo(60))
    await caughtUp(shop, orders)
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess', rate: '1/s' })
    await until('some of it runs again', async () =>
      (await rows('a')).some(({ generation }) => generation === 1),
    )
    for (const group of ['a', 'b']) await shop.group(group).pause('its topic goes')
    const done = resets
    const deleteIt = (intent: Intent): Promise<TopicChange> =>
      perform(shop.admin.host(), {
        operation: topicDelete,
        input: { topic: orders.name },
        actor: { name: 'ada', role: 'admin' },
        signal: new AbortController().signal,
        ...intent,
      })
    const ending = `replay ${job.id}, a reprocess of a, ends where it stands in it`
    expect((await deleteIt({})).consequences).toContain(ending)
    expect(await job.progress()).toMatchObject({ state: 'running' })
    await deleteIt({ execute: true, reason: 'ticket 7' })
    expect(await job.progress()).toMatchObject({ state: 'cancelled' })

    for (const group of ['a', 'b']) await shop.group(group).resume()
    await publish(shop, upTo(160, 100))
    await caughtUp(shop, orders)
    const found = (await rows('a')).filter(({ n }) => n >= 100)
    expect(numbers(found)).toEqual(upTo(160, 100))
    expect(found.every(({ generation }) => generation === 0)).toBe(true)
    expect(resets).toBe(done)
  })
})

describeOn(['memory'], 'a replay that reprocesses', on => {
  it('changes nothing while its reset throws, says so, tries again by itself, and lets live events go on', async () => {
    let resets = 0
    let isLocked = true
    const handler: Handler = {
      version: 1,
      reset: async (range, tx) => {
        await deleteRange(range, tx)
        resets += 1
        if (isLocked) throw new Error('the table is locked by a person')
      },
    }
    const shop = await started(handler, { log: await on.fresh() })
    await publish(shop, upTo(60))
    await caughtUp(shop, orders)
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    await until('every partition says why it stands still', async () => {
      const { parts } = await job.progress()
      return parts.every(
        ({ state, reason }) => state === 'waits' && /locked by a person.*the next at 20/.test(reason ?? ''),
      )
    })
    await until('every partition has tried again', async () => {
      const { parts } = await job.progress()
      return parts.every(({ reason }) => /try [^1]/.test(reason ?? ''))
    })
    await publish(shop, upTo(90, 60))
    await until('live events go on', async () => (await rows('a')).length >= 90)
    expect(numbers(await rows('a'))).toEqual(upTo(90))
    expect((await rows('a')).every(({ generation }) => generation === 0)).toBe(true)
    const inVain = resets
    handler.version = 2
    isLocked = false
    expect(await job.done).toMatchObject({ state: 'done', counts: { applied: 60 } })
    expect((await rows('a')).filter(({ generation }) => generation === 1)).toHaveLength(60)
    observed(
      `${inVain} resets threw, with 90 effects of before and of meanwhile untouched; then ${resets - inVain} did not`,
    )
  })

  it('is given up by a cancel while its reset throws', async () => {
    const handler: Handler = {
      version: 1,
      reset: () => Promise.reject(new Error('the table is locked by a person')),
    }
    const shop = await started(handler, { log: await on.fresh() })
    await publish(shop, upTo(60))
    await caughtUp(shop, orders)
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    await until('a partition says why it stands still', async () => {
      return (await job.progress()).parts.some(({ state }) => state === 'waits')
    })
    await job.cancel({ reason: 'not today' })
    expect(await job.done).toMatchObject({ state: 'cancelled', counts: { applied: 0 } })
    expect((await rows('a')).every(({ generation }) => generation === 0)).toBe(true)
  })

  it('ends where it is when it is cancelled, and a fill applies what it left out, in its generation', async () => {
    let hold = false
    let cancelled = false
    const held = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    const handler: Handler = { version: 1 }
    const shop = await started(
      {
        ...handler,
        get version() {
          return handler.version
        },
        async before(n) {
          if (!hold || n < 60) return
          held.resolve()
          // One that begins before the cancel is heard is cut off, so that it is never the last one of all.
          await (cancelled ? ended.promise : goOn.promise)
        },
      },
      { log: await on.fresh() },
    )
    await publish(shop, upTo(150))
    await caughtUp(shop, orders)
    handler.version = 2
    hold = true
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    await held.promise
    await job.cancel()
    cancelled = true
    goOn.resolve()
    expect((await job.done).state).toBe('cancelled')
    hold = false
    ended.resolve()
    const again = await rows('a')
    expect(again.length, 'in the middle of it').toBeLessThan(150)
    expect(again.every(({ generation }) => generation === 1)).toBe(true)
    await publish(shop, upTo(160, 150))
    await until('live events go on', async () => numbers(await rows('a')).includes(159))
    await caughtUp(shop, orders)
    const plan = await shop.replay('a', { from: 'earliest', mode: 'fill', dryRun: true })
    expect(plan.counts).toMatchObject({ events: 160, known: again.length + 10, missing: 150 - again.length })
    const fill = await shop.replay('a', { from: 'earliest', mode: 'fill' })
    expect((await fill.done).counts).toMatchObject({ applied: 150 - again.length })
    const found = await rows('a')
    expect(numbers(found)).toEqual(upTo(160))
    expect(numbers(found.filter(({ generation }) => generation === 1))).toEqual(upTo(150))
    observed(`cancelled at ${again.length} of 150; a fill applied the rest in the same generation`)
  })

  it('supersedes what waits for a retry and what has a letter, and such a letter cannot be replayed', async () => {
    const handler: Handler = {
      version: 1,
      before: n => {
        if (handler.version === 1 && n === 3) throw new TypeError('dead')
        if (handler.version === 1 && n === 4) throw new Error('again in an hour')
      },
    }
    const shop = await started(handler, { retry: ['1h'], log: await on.fresh() })
    await publish(shop, upTo(20))
    await until('one waits and one is dead', async () => {
      const [a] = await shop.groups()
      return a?.parked === 3 && (await toArray(shop.dead('a').list())).length === 1
    })
    await caughtUp(shop, orders)
    const [letter] = await toArray(shop.dead('a').list())
    const counted = async (mode: 'fill' | 'reprocess'): Promise<unknown> =>
      (await shop.replay('a', { from: 'earliest', mode, dryRun: true })).counts
    expect(await counted('reprocess')).toMatchObject({ events: 20, missing: 16, left: 4 })
    expect(await counted('fill')).toMatchObject({ events: 20, missing: 0, left: 4, known: 16 })
    handler.version = 2
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    expect(await job.done).toMatchObject({ state: 'done', counts: { applied: 20, left: 0 } })
    expect(numbers(await rows('a'))).toEqual(upTo(20))
    expect((await shop.groups())[0]?.parked).toBe(0)
    const id = letter?.id ?? ''
    expect(await shop.dead('a').show(id)).toMatchObject({ status: 'superseded', generation: 0 })
    expect(await shop.dead('a').stats()).toMatchObject({ open: 0 })
    expect(await shop.dead('a').replay(id)).toMatchObject({ accepted: 0, leftOut: 1 })
    observed(
      'an event that waited an hour and its 2 followers, and a letter: superseded, and done again at once',
    )
  })

  it('keeps the ids of what handlers publish, so the groups behind see nothing of it', async () => {
    const shop = await started({ version: 1 }, { derive: true, log: await on.fresh() })
    await publish(shop, upTo(30))
    await until('the group behind has it', async () => (await rows('behind')).length === 30)
    await caughtUp(shop, orders)
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    await job.done
    await until('what was published again has left the outbox', async () => {
      const [at] = await database.query(`select count(*)::int as waiting
        from holdfast.outbox o, holdfast.outbox_relay r where (o.txid, o.seq) > (r.txid, r.seq)`)
      return at?.['waiting'] === 0
    })
    await caughtUp(shop, orders)
    expect(numbers(await rows('behind'))).toEqual(upTo(30))
    expect((await rows('a')).every(({ generation }) => generation === 1)).toBe(true)
  })
})

describeOn(['embedded'], 'a replay that reprocesses', on => {
  it.each([false, true])(
    'is known for ever: a group that is set back to the beginning finds each event in its generation (in batches: %s)',
    async batch => {
      const log = await on.fresh()
      const first = await started({ version: 1 }, { batch, log })
      await publish(first, upTo(50))
      const from = await nextMoment()
      await publish(first, upTo(100, 50))
      const to = await nextMoment()
      await publish(first, upTo(150, 100))
      await caughtUp(first, orders)
      await (
        await first.replay('a', { from, to, mode: 'reprocess' })
      ).done
      const before = await rows('a')
      expect(numbers(before)).toEqual(upTo(150))
      await first.stop()
      const operator = app({ name: 'operator', log })
      await operator.start()
      const committed = await operator.system.groups.committed('a')
      await operator.system.groups.move(
        'a',
        committed.map(({ topic, partition }) => ({ topic, partition, offset: offset(0) })),
      )
      await operator.stop()
      const second = await started({ version: 2 }, { batch, log })
      await caughtUp(second, orders)
      expect(await rows('a'), 'nothing was applied again').toEqual(before)
      expect(await toArray(second.dead('a').list({ status: 'all' }))).toEqual([])
    },
  )
})

describeOn(['memory'], 'a replay that reprocesses', on => {
  it('waits like live events while the database is away, blames no event, and goes on by itself', async () => {
    const server = await ownPostgres()
    await query(server.url, TABLE)
    const reached = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    let ran = 0
    const handler: Handler = {
      version: 1,
      async before() {
        if (handler.version === 1) return
        ran += 1
        if (ran > 40) reached.resolve()
        if (ran > 40) await goOn.promise
      },
    }
    const shop = await started(handler, { url: server.url, log: await on.fresh() })
    await publish(shop, upTo(150))
    await caughtUp(shop, orders)
    handler.version = 2
    const job = await shop.replay('a', { from: 'earliest', mode: 'reprocess' })
    await reached.promise
    await server.kill()
    goOn.resolve()
    await until('the breaker has seen it', () =>
      shop.breakers().some(one => one.name === 'db' && one.state === 'OPEN'),
    )
    await server.again()
    expect(await job.done).toMatchObject({ state: 'done', counts: { died: 0 } })
    const found = await rows('a', server.url)
    expect(numbers(found)).toEqual(upTo(150))
    expect(found.every(({ generation, version }) => generation === 1 && version === 2)).toBe(true)
    expect(await toArray(shop.dead('a').list({ status: 'all' }))).toEqual([])
    observed(`the server was killed with ${ran} of 150 begun`)
  })
})

describeOn(['embedded', 'kafka'], 'a replay that reprocesses', on => {
  it('is gone on with by the process that a partition is given to, at the rate that was asked for', async () => {
    const log = await on.fresh({ sessionMs: 5_000, beatMs: 200 })
    const first = await started({ version: 1 }, { log })
    await publish(first, upTo(150))
    await caughtUp(first, orders)
    const began = Date.now()
    const job = await first.replay('a', { from: 'earliest', mode: 'reprocess', rate: '18/s' })
    await until('it has begun', async () => (await rows('a')).some(({ generation }) => generation === 1))
    await started({ version: 2 }, { log })
    const ended = await job.done
    const seconds = (Date.now() - began) / 1_000
    expect(ended.state).toBe('done')
    const found = await rows('a')
    expect(numbers(found)).toEqual(upTo(150))
    expect(found.every(({ generation }) => generation === 1)).toBe(true)
    const byNext = found.filter(({ version }) => version === 2).length
    expect(byNext, 'it was given a partition in the middle').toBeGreaterThan(0)
    // Each owner begins with a second's worth at once.
    expect(seconds, 'no faster than that').toBeGreaterThan(1.5)
    expectOrdered(found)
    observed(`handed over in the middle: ${150 - byNext} and ${byNext} of 150, within ${seconds} s`)
  })
})

describeOn(['memory'], 'a replay that reprocesses', on => {
  it('is refused where nobody knows how to take anything back', async () => {
    const shop = app({ name: 'shop', log: await on.fresh(), db: postgres(database.url) })
    shop.consumer('calls', orders, { from: 'earliest', reset: async () => {} }).on('placed', () => {})
    shop.consumer('none', orders, { from: 'earliest' }).effect('placed', async () => {})
    shop.consumer('a', orders, { from: 'earliest', reset: async () => {} }).effect('placed', async () => {})
    await shop.start()
    onTestFinished(() => shop.stop())
    await publish(shop, [1])
    await caughtUp(shop, orders)
    const refused = (group: string, from: 'earliest' | Date = 'earliest'): Promise<unknown> =>
      shop.replay(group, { from, mode: 'reprocess' }).then(
        () => expect.fail('not refused'),
        (error: unknown) => (error as Error).message,
      )
    expect(await refused('calls')).toMatch(/no effects.*group reset/)
    expect(await refused('none')).toMatch(/has no reset/)
    expect(await refused('a', await nextMoment())).toMatch(/no events of this range/)
    expect(await shop.jobs().list()).toEqual([])
  })
})
