import { join } from 'node:path'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { watchCost } from '../frame/process-cost.ts'
import { startProgram, rateOf } from '../frame/program.ts'
import { noKafka, type World } from '../frame/world.ts'
import { postOpenLoop } from '../clients/open-loop.ts'
import { TEXT } from '../subjects/vehicles.ts'

const BARE_SERVER = 'limits/http-202.ts'

export const doorBenchmarks: readonly Benchmark[] = [
  {
    name: 'door-rate',
    what: '64 connections post as fast as they are answered: durable 202 against node:http that keeps nothing',
    unit: 'events/s',
    goals: [shareOfLimit(0.6)],
    open: world => arms(world, BARE_SERVER, postClosedLoop),
  },
  {
    name: 'door-rate-lmdb',
    what: '64 connections: durable 202 against node:http with JSON.parse and bare LMDB',
    unit: 'events/s',
    // No promise: it notices when the door takes more than it did.
    goals: [shareOfLimit(0.4)],
    open: world => arms(world, 'limits/http-lmdb.ts', postClosedLoop),
  },
  {
    name: 'door-kafka',
    what: '64 connections: durable 202 against Express and KafkaJS with acks=all, whose broker does not sync',
    unit: 'events/s',
    goals: [{ ...shareOfLimit(1), name: 'times Express and KafkaJS' }],
    missing: noKafka,
    open: async world => {
      const brokers = await world.kafka()
      return arms(world, 'limits/express-kafka.ts', postClosedLoop, { brokers })
    },
  },
  latencyBenchmark(500),
  latencyBenchmark(3_200),
]

/** From the moment when an event is due, whatever became of those before it. */
function latencyBenchmark(ratePerSecond: number): Benchmark {
  return {
    name: `door-latency-${ratePerSecond}`,
    what: `${ratePerSecond} posts a second on a fixed schedule; a published collector answers in 8 ms`,
    unit: 'ms (p99)',
    goals: [],
    open: world => arms(world, BARE_SERVER, server => postOnSchedule(server, ratePerSecond)),
  }
}

interface Server {
  readonly url: string
  readonly pid: number
  readonly folder: string
}

function arms(
  world: World,
  limit: string,
  measure: (server: Server) => Promise<Figure>,
  more: object = {},
): ReturnType<Benchmark['open']> {
  const arm = (file: string) => async (): Promise<Figure> => {
    const folder = world.folder()
    const program = startProgram(file, { folder, ...more })
    try {
      const { url } = await program.next<{ url: string }>()
      return await measure({ url, pid: program.pid, folder })
    } finally {
      await program.end()
    }
  }
  return Promise.resolve({ limit: arm(limit), subject: arm('subjects/door.ts') })
}

async function postClosedLoop({ url, pid }: Server): Promise<Figure> {
  const client = startProgram('clients/post.ts', { url, connections: 64, seconds: 4, text: TEXT })
  await client.next()
  const cost = watchCost(pid)
  const told = await client.next<{ events: number; seconds: number }>()
  const spent = cost.stop()
  await client.end()
  return rateOf({ ...told, ...spent })
}

async function postOnSchedule({ url, pid, folder }: Server, ratePerSecond: number): Promise<Figure> {
  const ledger = join(folder, 'ledger')
  await postOpenLoop({ url, ratePerSecond, seconds: 2, run: 'warm', ledger }, TEXT)
  const cost = watchCost(pid)
  const { acceptedMs, accepted } = await postOpenLoop(
    { url, ratePerSecond, seconds: 5, run: 'r', ledger },
    TEXT,
  )
  const { cpuSeconds, rssAnonMiB } = cost.stop()
  const { p50, p95, p99 } = acceptedMs
  const cpuSecondsPerMillion = (cpuSeconds / accepted) * 1e6
  return { value: p99, latencyMs: { p50, p95, p99 }, cpuSecondsPerMillion, rssAnonMiB }
}
