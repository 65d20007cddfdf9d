import { shareOfLimit, shareOfLimitCpu, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { watchCost } from '../frame/process-cost.ts'
import { rateOf, runProgram, startProgram } from '../frame/program.ts'
import { noKafka, type World } from '../frame/world.ts'
import { TEXT } from '../subjects/vehicles.ts'
import { allArrived, commits, postToRow, startApp } from './end-to-end.ts'

/**
 * On Kafka, beside the client library alone on the same broker. Broker, library and Holdfast share the processors here, so
 * the CPU that our process takes for an event is compared beside the rate.
 */
export const kafkaBenchmarks: readonly Benchmark[] = [
  appendBenchmark(1, 'each'),
  appendBenchmark(1, 'together'),
  appendBenchmark(10, 'together'),
  appendBenchmark(100, 'together'),
  consumeBenchmark('kafka-read', 'reading the log in a loop', 'limits/read-log.ts', {}),
  consumeBenchmark('kafka-on', 'an empty .on handler', 'subjects/consume.ts', { handler: 'on' }),
  {
    name: 'kafka-post-to-row',
    what: '500 posts a second, from when each is due to the commit of its row by .effect: on Kafka against the log in a folder',
    unit: 'ms (p99)',
    goals: [],
    missing: noKafka,
    open: async world => {
      const brokers = await world.kafka()
      return {
        limit: () => postToRow(world, {}),
        subject: () => postToRow(world, { brokers, topic: world.name('vehicles') }),
      }
    },
  },
  {
    name: 'kafka-rows',
    what: '64 connections post as fast as they are answered, .effectBatch writes the rows: on Kafka against the log in a folder',
    unit: 'events/s',
    goals: [],
    missing: noKafka,
    open: async world => {
      const brokers = await world.kafka()
      return {
        limit: () => rowsPerSecond(world, {}),
        subject: () => rowsPerSecond(world, { brokers, topic: world.name('vehicles') }),
      }
    },
  },
]

/** Events as the door writes them, with their headers, to 8 partitions by their keys. */
function appendBenchmark(batch: number, sends: 'each' | 'together'): Benchmark {
  const how = sends === 'each' ? 'sends each' : 'sends what came meanwhile together'
  return {
    name: `kafka-append-${batch}${sends === 'each' ? '-each' : ''}`,
    what: `64 producers, batches of ${batch}, acks=all: through us against the client library, which ${how}`,
    unit: 'events/s',
    goals: [shareOfLimit(0.9), shareOfLimitCpu(0.9)],
    missing: noKafka,
    open: async world => {
      const brokers = await world.kafka()
      const arm = (file: string) => async (): Promise<Figure> => {
        const load = { producers: 64, batch, warmSeconds: 2, seconds: 4, sends }
        return rateOf(await runProgram(file, { ...load, brokers, topic: world.name('append') }))
      }
      return { limit: arm('limits/append-kafka.ts'), subject: arm('subjects/append-kafka.ts') }
    },
  }
}

function consumeBenchmark(name: string, what: string, file: string, more: object): Benchmark {
  const run = { warm: 100_000, events: 400_000 }
  return {
    name,
    what: `${what}, against the consumer of the client library`,
    unit: 'events/s',
    goals: [shareOfLimit(0.9), shareOfLimitCpu(0.9)],
    missing: noKafka,
    async open(world) {
      const kafka = { brokers: await world.kafka(), topic: world.name('vehicles'), folder: world.folder() }
      await runProgram('subjects/fill-log.ts', { ...kafka, events: run.warm + run.events + 10_000 })
      const arm = async (file: string, more: object): Promise<Figure> => {
        const database = await world.database()
        return rateOf(
          await runProgram(file, { ...kafka, ...run, ...more, database, group: world.name('group') }),
        )
      }
      return { limit: () => arm('limits/read-kafka.ts', {}), subject: () => arm(file, more) }
    },
  }
}

/** From the first row to the last, with door and group in one process; the posts end before the rows do. */
async function rowsPerSecond(world: World, kafka: { brokers?: string; topic?: string }): Promise<Figure> {
  const { pid, url, client, end } = await startApp(world, await world.database(), true, kafka)
  const post = async (seconds: number): Promise<number> => {
    const poster = startProgram('clients/post.ts', { url, connections: 64, seconds, text: TEXT })
    await poster.next() // begun
    await poster.next() // what was accepted until its time was over
    const { total } = await poster.next<{ total: number }>()
    await poster.end()
    return total
  }
  await allArrived(client, await post(1))
  await client.query('truncate arrived')
  const cost = watchCost(pid)
  const total = await post(5)
  await allArrived(client, total)
  const { cpuSeconds, rssAnonMiB } = cost.stop()
  const times = (await commits(client)).map(({ at }) => at).toSorted((a, b) => a - b)
  await end()
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000
  return { value: total / seconds, cpuSecondsPerMillion: (cpuSeconds / total) * 1e6, rssAnonMiB }
}
