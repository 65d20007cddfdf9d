import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import type { Benchmark, Figure } from '../frame/benchmark.ts'
import { watchCost } from '../frame/process-cost.ts'
import { startProgram } from '../frame/program.ts'
import type { World } from '../frame/world.ts'
import { median } from '../frame/verdict.ts'
import { postOpenLoop } from '../clients/open-loop.ts'
import type { Place } from '../subjects/place.ts'
import { TEXT } from '../subjects/vehicles.ts'

/** Steady posts while the database is killed and comes back. */
const STEADY = 1_000
const OUTAGE = { killedAfterMs: 4_000, lastsMs: 10_000, seconds: 26 }

export const endToEndBenchmarks: readonly Benchmark[] = [
  {
    name: 'post-to-row',
    what: '500 posts a second on a fixed schedule, from when each is due to the commit of its row by .effect',
    unit: 'ms (p99)',
    goals: [{ name: 'p99', of: ({ subject }) => subject.value, bound: { below: 25 } }],
    open: world => Promise.resolve({ subject: () => postToRow(world, {}) }),
  },
  {
    name: 'drain',
    what: `rows a second after an outage of the database, while ${STEADY} posts a second go on`,
    unit: 'events/s',
    goals: [
      {
        name: 'times the steady rate',
        of: ({ subject }) => subject.value / STEADY,
        bound: { atLeast: 10 },
      },
    ],
    open: world => Promise.resolve({ subject: () => drain(world) }),
  },
]

/** `kafka`: where the events are, if not in a folder. */
export async function postToRow(world: World, kafka: Partial<Place>): Promise<Figure> {
  const { pid, url, client, end } = await startApp(world, await world.database(), false, kafka)
  const ledger = join(world.folder(), 'ledger')
  const load = { url, ratePerSecond: 500, ledger }
  await postOpenLoop({ ...load, seconds: 4, run: 'warm' }, TEXT)
  await allArrived(client, 2_000)
  await client.query('truncate arrived')
  const cost = watchCost(pid)
  const { beganAt, planned } = await postOpenLoop({ ...load, seconds: 10, run: 'r' }, TEXT)
  await allArrived(client, planned)
  const { cpuSeconds, rssAnonMiB } = cost.stop()
  const took = (await commits(client)).map(({ n, at }) => at - (beganAt + n * 2)).toSorted((a, b) => a - b)
  await end()
  const at = (share: number): number => took[Math.ceil(took.length * share) - 1] ?? Number.NaN
  return {
    value: at(0.99),
    latencyMs: { p50: median(took), p95: at(0.95), p99: at(0.99) },
    cpuSecondsPerMillion: (cpuSeconds / planned) * 1e6,
    rssAnonMiB,
  }
}

async function drain(world: World): Promise<Figure> {
  const server = await world.ownPostgres()
  const { pid, url, client, end } = await startApp(world, server.url, true)
  const cost = watchCost(pid)
  const ledger = join(world.folder(), 'ledger')
  const load = { url, ratePerSecond: STEADY, seconds: OUTAGE.seconds, run: 'r', ledger }
  const posting = postOpenLoop(load, TEXT)
  await wait(OUTAGE.killedAfterMs)
  await client.end()
  await server.kill()
  await wait(OUTAGE.lastsMs)
  const again = await server.again()
  const { beganAt, planned } = await posting
  const after = await connected(again.url)
  await allArrived(after, planned)
  const { rssAnonMiB } = cost.stop()
  const rows = (await commits(after)).toSorted((a, b) => a.at - b.at)
  await after.end()
  await end()
  await again.kill()
  return { value: drainRate(rows, n => beganAt + (n * 1000) / STEADY), rssAnonMiB }
}

/** From the first commit after the longest silence to the first event that was not late any more, or to the last one. */
function drainRate(rows: readonly Arrival[], dueAt: (n: number) => number): number {
  const gaps = rows.map(({ at }, i) => at - (rows[i - 1]?.at ?? at))
  const first = gaps.indexOf(Math.max(...gaps))
  const onTime = rows.findIndex(({ n, at }, i) => i > first && at - dueAt(n) < 250)
  const caughtUp = onTime === -1 ? rows.length - 1 : onTime
  const [from, to] = [rows[first], rows[caughtUp]]
  if (!from || !to || caughtUp <= first) throw new Error('nothing came after the outage')
  return ((caughtUp - first) / (to.at - from.at)) * 1000
}

interface Arrival {
  readonly n: number
  /** When its row was committed, milliseconds since 1970, by the server's own record. */
  readonly at: number
}

export async function commits(client: Client): Promise<Arrival[]> {
  const { rows } = await client.query<Arrival>(
    `select n, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8 as at from arrived`,
  )
  return rows
}

export async function allArrived(client: Client, events: number): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ count: number }>('select count(*)::int as count from arrived')
    if (rows[0]?.count === events) return
    await wait(100)
  }
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {}) // its server is killed under it
  await client.connect()
  return client
}

export async function startApp(
  world: World,
  database: string,
  batch: boolean,
  kafka: Partial<Place> = {},
): Promise<{ pid: number; url: string; client: Client; end: () => Promise<void> }> {
  const client = await connected(database)
  await client.query('create table arrived (n int primary key)')
  const options = { folder: world.folder(), database, batch, ...kafka }
  const program = startProgram('subjects/post-to-row.ts', options)
  const { url } = await program.next<{ url: string }>()
  return {
    pid: program.pid,
    url,
    client,
    async end() {
      await client.end()
      await program.end()
    },
  }
}
