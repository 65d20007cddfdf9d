import { Client } from 'pg'
import { shareOfLimit, type Benchmark, type Figure, type Goal } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'
import type { World } from '../frame/world.ts'
import type { ConsumeOptions } from '../subjects/consume.ts'
import { SINK, vehicles } from '../subjects/vehicles.ts'

/** Connections at once: as many as partitions for batches, as many as the sink opens by default for single events. */
const PARTITIONS = vehicles.partitions
const CONNECTIONS = 10

export const consumeBenchmarks: readonly Benchmark[] = [
  consumeBenchmark({
    name: 'consume-on',
    what: 'an empty .on handler against reading the log in a loop',
    goals: [shareOfLimit(0.7)],
    handler: 'on',
    run: { warm: 50_000, events: 300_000 },
    limit: { file: 'limits/read-log.ts', topic: vehicles.name },
  }),
  consumeBenchmark({
    name: 'consume-batch',
    what: `.effectBatch of 500 that copies, with inbox, against COPY of 500, ${PARTITIONS} connections each`,
    goals: [shareOfLimit(0.4)],
    handler: 'copyBatch',
    run: { warm: 30_000, events: 150_000 },
    limit: { file: 'limits/copy.ts', connections: PARTITIONS, batch: 500 },
  }),
  consumeBenchmark({
    name: 'consume-batch-by-offsets',
    what: `.effectBatch of 500 that copies, with dedup 'offsets', against COPY of 500, ${PARTITIONS} connections each`,
    goals: [shareOfLimit(0.7)],
    handler: 'copyBatchByOffsets',
    run: { warm: 30_000, events: 150_000 },
    limit: { file: 'limits/copy.ts', connections: PARTITIONS, batch: 500 },
  }),
  consumeBenchmark({
    name: 'consume-batch-usual',
    what: '.effectBatch of 500 with inbox against SELECT and INSERT for each event, one after another',
    goals: [shareOfLimit(20)],
    handler: 'insertBatch',
    run: { warm: 30_000, events: 150_000 },
    limit: { file: 'limits/select-insert.ts', warm: 500, events: 5_000 },
  }),
  consumeBenchmark({
    name: 'consume-effect',
    what: `.effect for each event against begin, insert, commit, ${CONNECTIONS} connections each`,
    goals: [shareOfLimit(0.6)],
    handler: 'effect',
    // Fewer would measure how long the runtime compiles.
    run: { warm: 5_000, events: 20_000 },
    limit: { file: 'limits/insert-each.ts', connections: CONNECTIONS },
  }),
]

interface Comparison {
  readonly name: string
  readonly what: string
  readonly goals: readonly Goal[]
  readonly handler: ConsumeOptions['handler']
  readonly run: { readonly warm: number; readonly events: number }
  /** The limit's program, with what it needs beyond folder, database and `run`. */
  readonly limit: { readonly file: string } & Readonly<Record<string, unknown>>
}

function consumeBenchmark({ name, what, goals, handler, run, limit }: Comparison): Benchmark {
  return {
    name,
    what,
    unit: 'events/s',
    goals,
    async open(world) {
      // One log for all rounds, a group of its own for each; a batch may go past the last event that counts.
      const { folder, bytesPerEvent } = await filledLog(world, run.warm + run.events + 10_000)
      let round = 0
      const arm = async (file: string, more: object): Promise<Figure> => {
        const database = await databaseWithSink(world)
        const group = `round-${++round}`
        return rateOf(await runProgram(file, { folder, database, group, ...run, ...more }))
      }
      return {
        limit: () => arm(limit.file, limit),
        subject: async () => ({ ...(await arm('subjects/consume.ts', { handler })), bytesPerEvent }),
      }
    },
  }
}

async function filledLog(
  world: World,
  events: number,
): Promise<{ readonly folder: string; readonly bytesPerEvent: number }> {
  const folder = world.folder()
  const { bytesPerEvent } = await runProgram<{ bytesPerEvent: number }>('subjects/fill-log.ts', {
    folder,
    events,
  })
  return { folder, bytesPerEvent }
}

/** A new database with the table that effects go to. */
export async function databaseWithSink(world: World): Promise<string> {
  const url = await world.database()
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(SINK)
  await client.end()
  return url
}
