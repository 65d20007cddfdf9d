import { shareOfLimit, type Benchmark } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'

const [FEW, MANY, WARM] = [10_000, 1_000_000, 50_000]

/** A backlog costs the time that it takes, and nothing else: neither speed nor memory. */
export const waitingBenchmarks: readonly Benchmark[] = [
  {
    name: 'waiting',
    what: `an empty .on handler with ${MANY} events waiting against ${FEW} waiting, twenty times`,
    unit: 'events/s',
    goals: [
      shareOfLimit(0.9),
      {
        name: 'RssAnon in MiB',
        of: ({ subject }) => subject.rssAnonMiB ?? Number.NaN,
        bound: { below: 300 },
      },
    ],
    async open(world) {
      const full = world.folder()
      const { bytesPerEvent } = await runProgram<{ bytesPerEvent: number }>('subjects/fill-log.ts', {
        folder: full,
        events: WARM + MANY,
      })
      let round = 0
      return {
        limit: async () => {
          const options = { folder: world.folder(), waiting: FEW, times: 20 }
          return rateOf(await runProgram('subjects/drain-waiting.ts', options))
        },
        subject: async () => {
          const group = `round-${++round}`
          const database = 'postgres://127.0.0.1:1/none' // asked for by no handler here
          const run = { handler: 'on', warm: WARM, events: MANY, group, database }
          const outcome = await runProgram('subjects/consume.ts', { folder: full, ...run })
          return { ...rateOf(outcome), bytesPerEvent }
        },
      }
    },
  },
]
