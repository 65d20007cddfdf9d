import { rmSync } from 'node:fs'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'

/** 64 producers append 300-byte values to 8 partitions; each waits until its batch is durable. */
export const appendBenchmarks: readonly Benchmark[] = [
  appendBenchmark('file', 1, 0.45),
  appendBenchmark('file', 10, 0.8),
  appendBenchmark('file', 100, 0.9),
  appendBenchmark('lmdb', 1, 0.4),
  appendBenchmark('lmdb', 10, 0.4),
  appendBenchmark('lmdb', 100, 0.4),
  {
    name: 'disk',
    what: 'events of 300 bytes with known ids, 32 a commit, and 100 groups on 8 partitions',
    unit: 'bytes for each further group',
    goals: [],
    open: world => {
      const subject = async (): Promise<Figure> => {
        const folder = world.folder()
        const options = { folder, events: 100_000, together: 32, groups: 100 }
        const figure = await runProgram<Figure>('subjects/log-bytes.ts', options)
        rmSync(folder, { recursive: true })
        return figure
      }
      return Promise.resolve({ subject })
    },
  },
]

/** The aims against LMDB itself are no promise: they notice when the log takes more than it did. */
function appendBenchmark(against: 'file' | 'lmdb', batch: number, aim: number): Benchmark {
  const limit = against === 'file' ? 'a group-commit file' : 'one entry of LMDB a commit'
  return {
    name: against === 'file' ? `append-${batch}` : `append-${batch}-lmdb`,
    what: `64 producers, batches of ${batch}, 300 bytes: embedded log against ${limit}`,
    unit: 'events/s',
    goals: [shareOfLimit(aim)],
    open: world => {
      const arm = (file: string) => async (): Promise<Figure> => {
        const folder = world.folder()
        const options = { folder, producers: 64, batch, bytes: 300, seconds: 2 }
        const figure = rateOf(await runProgram(file, options))
        rmSync(folder, { recursive: true }) // gigabytes
        return figure
      }
      return Promise.resolve({
        limit: arm(`limits/append-${against}.ts`),
        subject: arm('subjects/append-log.ts'),
      })
    },
  }
}
