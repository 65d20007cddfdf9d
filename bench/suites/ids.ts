import { rmSync } from 'node:fs'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'

const EVENTS = 10_000_000

/** Where is an id: how fast it is found, and what the index that finds it costs those who append. */
export const idBenchmarks: readonly Benchmark[] = [
  {
    name: 'find-id',
    what: `an id that a client chose among ${EVENTS.toLocaleString('en-US')} events, found in a log opened just now`,
    unit: 'ms, the slowest of 200',
    goals: [{ name: 'slowest', of: ({ subject }) => subject.value, bound: { below: 200 } }],
    open: async world => {
      const folder = world.folder()
      await runProgram('subjects/fill-ids.ts', { folder, events: EVENTS })
      return {
        subject: () => runProgram<Figure>('subjects/find-ids.ts', { folder, events: EVENTS, lookups: 200 }),
      }
    },
  },
  {
    name: 'append-with-ids',
    what: '64 producers, batches of 10, events with ids: with the index of ids, and without it',
    unit: 'events/s',
    goals: [shareOfLimit(0.95)],
    open: world => {
      const arm = (indexed: boolean) => async (): Promise<Figure> => {
        const folder = world.folder()
        const options = { folder, producers: 64, batch: 10, seconds: 10, indexed }
        const figure = rateOf(await runProgram('subjects/append-ids.ts', options))
        rmSync(folder, { recursive: true }) // gigabytes
        return figure
      }
      return Promise.resolve({ limit: arm(false), subject: arm(true) })
    },
  },
]
