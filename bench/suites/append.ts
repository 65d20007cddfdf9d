import { rmSync } from 'node:fs'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'

/** 64 producers append 300-byte values to 8 partitions; each waits until its batch is durable. */
export const appendBenchmarks: readonly Benchmark[] = [
  appendBenchmark(1, 0.45),
  appendBenchmark(10, 0.8),
  appendBenchmark(100, 0.9),
]

function appendBenchmark(batch: number, aim: number): Benchmark {
  return {
    name: `append-${batch}`,
    what: `64 producers, batches of ${batch}, 300 bytes: embedded log against a group-commit file`,
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
        limit: arm('limits/append-file.ts'),
        subject: arm('subjects/append-log.ts'),
      })
    },
  }
}
