import { Client } from 'pg'
import { shareOfLimit, type Benchmark, type Figure } from '../frame/benchmark.ts'
import { rateOf, runProgram } from '../frame/program.ts'
import { median } from '../frame/verdict.ts'

const [WARM, ROWS] = [10_000, 50_000]

export const outboxBenchmarks: readonly Benchmark[] = [
  {
    name: 'outbox-relay',
    what: `the relay of an outbox of ${ROWS} rows against pages of 500, each into one entry of LMDB`,
    unit: 'rows/s',
    goals: [shareOfLimit(0.4)],
    async open(world) {
      const database = await world.database()
      // A page may go past the last row that counts.
      await runProgram('subjects/fill-outbox.ts', { database, rows: WARM + ROWS + 1_000 })
      const arm = (file: string) => async (): Promise<Figure> => {
        await toTheBeginning(database)
        const options = { database, folder: world.folder(), warm: WARM, rows: ROWS }
        return rateOf(await runProgram(file, options))
      }
      return { limit: arm('limits/move-rows.ts'), subject: arm('subjects/relay.ts') }
    },
  },
  {
    name: 'outbox-latency',
    what: '100 commits a second, from the answer of COMMIT to the event in the log, moved by a relay that polls',
    unit: 'ms (p99)',
    goals: [{ name: 'p99', of: ({ subject }) => subject.value, bound: { below: 150 } }],
    open: world =>
      Promise.resolve({
        async subject() {
          const options = {
            database: await world.database(),
            folder: world.folder(),
            warm: 200,
            perSecond: 100,
            count: 1_000,
          }
          const { took } = await runProgram<{ took: number[] }>('subjects/publish-tx.ts', options)
          const sorted = took.toSorted((a, b) => a - b)
          const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
          return { value: at(0.99), latencyMs: { p50: median(sorted), p95: at(0.95), p99: at(0.99) } }
        },
      }),
  },
]

async function toTheBeginning(database: string): Promise<void> {
  const client = new Client({ connectionString: database })
  await client.connect()
  await client.query(`update holdfast.outbox_relay set txid = '0', seq = 0, until = '-infinity'`)
  await client.end()
}
