import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'
import type { Outcome } from '../frame/stopwatch.ts'
import { noKafka, type World } from '../frame/world.ts'
import { databaseWithSink } from './consume.ts'

const NEIGHBOURS = { ratePerSecond: 500, seconds: 15, warm: 5_000 }
const TENANTS = { perSecond: 10, seconds: 15, warm: 500 }
const PARKS = 99_000
const DRAIN = { entries: 20_000, keys: 150 }

export const laneBenchmarks: readonly Benchmark[] = [
  {
    name: 'lane-neighbours',
    what: `a poisoned key's cost to the others: ${NEIGHBOURS.ratePerSecond} events a second by .effect, from when each is due, while one key in 1,000 fails every time, against none that fails`,
    unit: 'ms (p99)',
    goals: [
      {
        name: 'times the p99 without a failing key',
        of: ({ limit, subject }) => subject.value / (limit?.value ?? Number.NaN),
        bound: { below: 2 },
      },
    ],
    open: async world => ({
      limit: () => neighbours(world, 0),
      subject: () => neighbours(world, 1_000),
    }),
  },
  {
    name: 'tenant-neighbours',
    what: `nine tenants with ${TENANTS.perSecond} events a second each by .effect, from when each is due, while a tenth sends fifty times as many, against as many`,
    unit: 'ms (p99)',
    goals: [
      {
        name: 'times the p99 without the noise',
        of: ({ limit, subject }) => subject.value / (limit?.value ?? Number.NaN),
        bound: { below: 2 },
      },
    ],
    open: async world => ({
      limit: () => tenants(world, 1),
      subject: () => tenants(world, 50),
    }),
  },
  {
    name: 'lane-takeover',
    what: `taking over a partition with ${PARKS} parked events, up to its first new event, against reading its lane in a loop`,
    unit: 'parks/s',
    goals: [
      { name: 'seconds', of: ({ subject }) => PARKS / subject.value, bound: { below: 5 } },
      {
        name: 'RssAnon in MiB',
        of: ({ subject }) => subject.rssAnonMiB ?? Number.NaN,
        bound: { below: 400 },
      },
      {
        name: 'longest pause of the event loop in ms',
        of: ({ subject }) => subject.pauseMs ?? Number.NaN,
        bound: { below: 1_000 },
      },
    ],
    async open(world) {
      const folder = world.folder()
      const { topic } = await runProgram<{ topic: string }>('subjects/fill-lane.ts', { folder, parks: PARKS })
      const limit = { folder, topic, warm: 1, events: PARKS - 1 }
      return {
        limit: async () => rateOf(await runProgram('limits/read-log.ts', limit)),
        subject: async () => {
          const outcome = await runProgram<Outcome & { pauseMs: number }>('subjects/take-over-lane.ts', {
            folder,
            parks: PARKS,
          })
          return { ...rateOf(outcome), pauseMs: outcome.pauseMs }
        },
      }
    },
  },
  drainBenchmark('folder', 0.1),
  drainBenchmark('kafka', 0.1),
]

/** What an outage of something behind a few keys leaves: all of them have long queues. */
function drainBenchmark(on: 'folder' | 'kafka', share: number): Benchmark {
  return {
    name: on === 'kafka' ? 'lane-drain-kafka' : 'lane-drain',
    what: `${DRAIN.entries} parked events of ${DRAIN.keys} keys that are refused no more, by .effectBatch, against as many from the topic`,
    unit: 'events/s',
    goals: [shareOfLimit(share)],
    missing: on === 'kafka' ? noKafka : undefined,
    async open(world) {
      const brokers = on === 'kafka' ? await world.kafka() : undefined
      const full = { brokers, topic: world.name('topic'), folder: world.folder() }
      const run = { warm: 5_000, events: DRAIN.entries }
      await runProgram('subjects/fill-log.ts', { ...full, events: run.warm + run.events + 1_000 })
      return {
        limit: async () => {
          const how = { group: world.name('group'), handler: 'insertBatch' }
          const database = await databaseWithSink(world)
          return rateOf(await runProgram('subjects/consume.ts', { ...full, ...how, ...run, database }))
        },
        subject: async () => {
          const place = { brokers, topic: world.name('lane'), folder: world.folder() }
          const database = await databaseWithSink(world)
          return rateOf(await runProgram('subjects/drain-lane.ts', { ...place, ...DRAIN, database }))
        },
      }
    },
  }
}

async function neighbours(world: World, failingEvery: number): Promise<Figure> {
  const outcome = await runProgram<Outcome & { late: number[]; failures: number }>(
    'subjects/poisoned-keys.ts',
    {
      folder: world.folder(),
      database: await databaseWithSink(world),
      ...NEIGHBOURS,
      failingEvery,
    },
  )
  // A run in which nothing failed would flatter us.
  if (outcome.failures > 0 !== failingEvery > 0) throw new Error(`${outcome.failures} failures`)
  return lateness(outcome)
}

async function tenants(world: World, times: number): Promise<Figure> {
  const outcome = await runProgram<Outcome & { late: number[]; noise: number }>('subjects/noisy-tenant.ts', {
    folder: world.folder(),
    database: await databaseWithSink(world),
    ...TENANTS,
    times,
  })
  const least = TENANTS.perSecond * TENANTS.seconds * times * 0.9
  if (outcome.noise < least) throw new Error(`${outcome.noise} events of noise`)
  return lateness(outcome)
}

function lateness(outcome: Outcome & { readonly late: readonly number[] }): Figure {
  const at = (share: number): number => outcome.late[Math.ceil(outcome.late.length * share) - 1] ?? Number.NaN
  const { cpuSecondsPerMillion = Number.NaN, rssAnonMiB = Number.NaN } = rateOf(outcome)
  return {
    value: at(0.99),
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    cpuSecondsPerMillion,
    rssAnonMiB,
  }
}
