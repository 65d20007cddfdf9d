import { Client } from 'pg'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'
import type { World } from '../frame/world.ts'
import type { ReplayOptions } from '../subjects/replay.ts'
import { SINK, vehicles } from '../subjects/vehicles.ts'

const EVENTS = 100_000

/** What fills, beside the same events live; and how fast it passes what is known, which is nearly all as a rule. */
export const replayBenchmarks: readonly Benchmark[] = [
  replayBenchmark(
    'missing',
    'a fill of which everything is missing against the same group live, batches of 500',
    0.3,
    {
      file: 'subjects/consume.ts',
      handler: 'insertBatch',
      warm: 10_000,
    },
  ),
  replayBenchmark('known', 'a fill of which everything is known against reading the log in a loop', 0.05, {
    file: 'limits/read-log.ts',
    topic: vehicles.name,
    warm: 10_000,
  }),
]

function replayBenchmark(
  what: ReplayOptions['what'],
  sentence: string,
  goal: number,
  limit: { readonly file: string } & Readonly<Record<string, unknown>>,
): Benchmark {
  return {
    name: `replay-${what}`,
    what: sentence,
    unit: 'events/s',
    goals: [shareOfLimit(goal)],
    async open(world) {
      const folder = world.folder()
      await runProgram('subjects/fill-log.ts', { folder, events: EVENTS })
      let round = 0
      const arm = async (file: string, more: object): Promise<Figure> => {
        const database = await databaseWithSink(world)
        const group = `round-${++round}`
        const events = EVENTS - 20_000
        return rateOf(await runProgram(file, { folder, database, group, events, ...more }))
      }
      return {
        limit: () => arm(limit.file, limit),
        subject: () => arm('subjects/replay.ts', { what }),
      }
    },
  }
}

async function databaseWithSink(world: World): Promise<string> {
  const url = await world.database()
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(SINK)
  await client.end()
  return url
}
