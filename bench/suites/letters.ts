import type { Benchmark } from '../frame/benchmark.ts'
import { runProgram } from '../frame/program.ts'

const [LETTERS, PAGE, GROUP] = [100_000, 50, 'billing']

export const letterBenchmarks: readonly Benchmark[] = [
  {
    name: 'list-letters',
    what: `the first ${PAGE} of ${LETTERS.toLocaleString('en-US')} dead letters, in a log opened just now`,
    unit: 'ms',
    goals: [
      { name: 'first page', of: ({ subject }) => subject.value, bound: { below: 1_000 } },
      {
        name: 'RssAnon in MiB',
        of: ({ subject }) => subject.rssAnonMiB ?? Number.NaN,
        bound: { below: 300 },
      },
    ],
    async open(world) {
      const folder = world.folder()
      await runProgram('subjects/fill-letters.ts', { folder, group: GROUP, letters: LETTERS })
      return {
        async subject() {
          const options = { folder, group: GROUP, page: PAGE }
          const { seconds, cpuSeconds, rssAnonMiB } = await runProgram('subjects/list-letters.ts', options)
          return { value: seconds * 1_000, cpuSecondsPerMillion: (cpuSeconds / LETTERS) * 1e6, rssAnonMiB }
        },
      }
    },
  },
]
