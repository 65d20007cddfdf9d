import { createHash } from 'node:crypto'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from 'holdfast'
import { moves } from './moves-topic.ts'

export interface GroupOptions {
  readonly stuckMs?: number
  /** The handler of bad events was corrected: it writes nothing any more that the database refuses. */
  readonly mended?: boolean
  /** After how long what fails is tried again for the first time. */
  readonly retryAfter?: '50ms' | '10s'
  /** How long an event of `each` may take. Long where a slow machine must not make letters. Defaults to 2 s. */
  readonly deadline?: '2s' | '60s'
}

/** The groups of the app by name; a test starts those that it names. */
export const groups = {
  /** One transaction for each event: the usual way. */
  each(app: App<true>, { mended = false, deadline = '2s' }: GroupOptions): void {
    // The bad ones are meant to die: on a slow machine many may come before the good ones, and that is no flood.
    const deadShare = 1
    app
      .consumer('each', moves, { from: 'earliest', retry: ['100ms', '200ms'], deadline, deadShare })
      .effect('moved', (event, tx) => applyMany('each', [event], tx))
      .effect('bad', async (event, tx) => {
        await applyMany('each', [event], tx)
        if (mended) return
        // Refused, with the address in the error's detail.
        await tx.query('insert into contacts (email) values ($1), ($1)', [`${event.id}@example.com`])
      })
      .effect('stuck', () => new Promise(() => {}))
  },
  /** Many events in one transaction. */
  batch(app: App<true>): void {
    app
      .consumer('batch', moves, { from: 'earliest' })
      .effectBatch(['moved'], { max: 500, within: '20ms' }, (events, tx) => applyMany('batch', events, tx))
  },
  /** Slow, and one event in ten fails at its first attempt. */
  flaky(app: App<true>, { retryAfter = '50ms' }: GroupOptions): void {
    app
      .consumer('flaky', moves, { from: 'earliest', retry: [retryAfter, '100ms', '200ms'] })
      .effect('moved', async (event, tx) => {
        await tx.query('select pg_sleep(0.005)', [])
        if (event.attempt === 1 && event.offset % 10n === 7n) throw new Error('not now')
        await applyMany('flaky', [event], tx)
      })
  },
  /** One event in fifty takes up to five seconds, within its transaction. */
  slow(app: App<true>): void {
    app.consumer('slow', moves, { from: 'earliest' }).effect('moved', async (event, tx) => {
      if (event.offset % 50n === 7n) await wait(Number((event.offset * 7919n) % 5_000n))
      await applyMany('slow', [event], tx)
    })
  },
  /** A stuck event is worked on for `stuckMs`, and then done like any other. */
  patient(app: App<true>, { stuckMs = 0 }: GroupOptions): void {
    app
      .consumer('patient', moves, { from: 'earliest', deadline: '10m' })
      .effect('moved', (event, tx) => applyMany('patient', [event], tx))
      .effect('stuck', async (event, tx) => {
        process.stdout.write(`works on ${event.id} at ${event.partition}/${event.offset}\n`)
        await wait(stuckMs)
        await applyMany('patient', [event], tx)
      })
  },
  /** A stuck event keeps the whole process busy for five seconds: no timer runs, nothing beats. */
  blocking(app: App<true>): void {
    app
      .consumer('blocking', moves, { from: 'earliest' })
      .effect('moved', (event, tx) => applyMany('blocking', [event], tx))
      .effect('stuck', async (event, tx) => {
        const began = performance.now()
        while (performance.now() - began < 5_000) {
          // on purpose
        }
        process.stdout.write(`blocked ${Math.round(performance.now() - began)}\n`)
        await applyMany('blocking', [event], tx)
      })
  },
  /** One event in twenty fails three times, a bad one always, and a stuck one kills the process at its second attempt. */
  ailing(app: App<true>): void {
    app
      .consumer('ailing', moves, { from: 'earliest', retry: [...ailingRetry] })
      .effect('moved', async (event, tx) => {
        if (isAiling(event)) throw new Error('not now')
        if (event.offset % 10n === 3n) await wait(300) // so that something is under way at any moment
        await applyMany('ailing', [event], tx)
      })
      .effect('bad', async () => {
        throw new Error('never')
      })
      .effect('stuck', async event => {
        if (event.attempt === 1) throw new Error('not at once')
        process.kill(process.pid, 'SIGKILL')
        await new Promise(() => {})
      })
  },
  /** As `ailing`, many events in one transaction. */
  ailingBatch(app: App<true>): void {
    app
      .consumer('ailingBatch', moves, { from: 'earliest', retry: [...ailingRetry] })
      .effectBatch(['moved', 'bad'], { max: 50, within: '50ms' }, async (events, tx, { fail }) => {
        for (const [i, event] of events.entries()) {
          if (event.type === 'bad') fail(i, new Error('never'))
          else if (isAiling(event)) fail(i, new Error('not now'))
        }
        const well = events.filter(event => event.type !== 'bad' && !isAiling(event))
        await applyMany('ailingBatch', well, tx)
      })
  },
  /** Many events in one transaction. Until it is mended it takes none of one key in fourteen: those wait for a retry. */
  parking(app: App<true>, { mended = false }: GroupOptions): void {
    app
      .consumer('parking', moves, {
        from: 'earliest',
        retry: Array.from({ length: 60 }, () => '10s' as const),
      })
      .effectBatch(['moved'], { max: 500, within: '20ms' }, async (events, tx, { fail }) => {
        const isRefused = ({ key = '' }: Applied): boolean =>
          !mended && Number(/\d+$/.exec(key)?.[0]) % 14 === 0
        for (const [i, event] of events.entries()) if (isRefused(event)) fail(i, new Error('not now'))
        const well = events.filter(event => !isRefused(event))
        await applyMany('parking', well, tx)
      })
  },
  /** What it cannot take dies of one of three causes: no such stop, a refusal of the database, a wrong schema. */
  picky(app: App<true>): void {
    app
      .consumer('picky', moves, { from: 'earliest', retry: ['20ms', '40ms'] })
      .effect('moved', async (event, tx) => {
        if (event.data.n < 0) throw new RangeError(`there is no stop ${event.data.n}`)
        await applyMany('picky', [event], tx)
      })
      .effect('bad', async (event, tx) => {
        await tx.query('insert into contacts (email) values ($1), ($1)', [`${event.id}@example.com`])
      })
  },
  /** Calls outside: nothing that could be rolled back under a handler that does not return. */
  calls(app: App<true>): void {
    app
      .consumer('calls', moves, { from: 'earliest', deadline: '1s' })
      .on('moved', () => {})
      .on('stuck', () => new Promise(() => {}))
  },
  /** Its handlers wait while the process is told to hold them: SIGUSR2 holds, SIGUSR2 again lets go. */
  held(app: App<true>): void {
    const hold = holdSwitch()
    app.consumer('held', moves, { from: 'earliest', deadline: '10m' }).effect('moved', async (event, tx) => {
      await hold.passed()
      await applyMany('held', [event], tx)
    })
  },
}

/** Waits of the ailing groups: four attempts. */
const ailingRetry = ['50ms', '100ms', '200ms'] as const

function isAiling({ offset, attempt }: { readonly offset: bigint; readonly attempt: number }): boolean {
  return offset % 20n === 7n && attempt <= ailingRetry.length
}

interface Applied {
  readonly id: string
  readonly key: string | undefined
  readonly data: unknown
  readonly partition: number
  readonly offset: bigint
}

interface Writer {
  query(text: string, params: readonly unknown[]): Promise<unknown>
}

/** A row for each event and a sum for each key, in the order of the events. */
async function applyMany(group: string, events: readonly Applied[], tx: Writer): Promise<void> {
  await tx.query(
    `insert into applied (grp, id, key, hash, part, log_offset)
     select $1, id, key, hash, part, log_offset
       from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[])
       with ordinality as e (id, key, hash, part, log_offset, nth) order by nth`,
    [
      group,
      events.map(({ id }) => id),
      events.map(({ key }) => key ?? null),
      // The client sends canonical JSON, so writing it again gives the bytes that it hashed.
      events.map(({ data }) => createHash('sha256').update(JSON.stringify(data)).digest('hex')),
      events.map(({ partition }) => partition),
      events.map(({ offset }) => String(offset)),
    ],
  )
  const counts = new Map<string, number>()
  for (const { key } of events) counts.set(key ?? '', (counts.get(key ?? '') ?? 0) + 1)
  // Sorted, so that two transactions lock their rows in one order.
  const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  await tx.query(
    `insert into sums (grp, key, events) select $1, key, n from unnest($2::text[], $3::bigint[]) as s (key, n)
     on conflict (grp, key) do update set events = sums.events + excluded.events`,
    [group, sorted.map(([key]) => key), sorted.map(([, n]) => n)],
  )
}

function holdSwitch(): { passed(): Promise<void> } {
  let open = Promise.resolve()
  let release: (() => void) | undefined
  process.on('SIGUSR2', () => {
    if (release) {
      release()
      release = undefined
      process.stdout.write('released\n')
    } else {
      open = new Promise(done => (release = done))
      process.stdout.write('held\n')
    }
  })
  return { passed: () => open }
}
