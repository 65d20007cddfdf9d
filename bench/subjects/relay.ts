/** The relay of the outbox on a table that is full already: from the end of its warm-up to its last row. */
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import { embedded } from '../../src/drivers/embedded/index.ts'
import { postgres } from '../../src/drivers/postgres/index.ts'
import { outboxRelay } from '../../src/outbox/index.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'
import { vehicles } from './vehicles.ts'

const { database, folder, warm, rows } = given<{
  database: string
  folder: string
  warm: number
  rows: number
}>()
const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
const { outbox } = await postgres(database).open(env)
const system = await embedded(folder).open(env)
await system.log.topics.create(vehicles.name, { partitions: vehicles.partitions })
if (!outbox) throw new Error('no outbox')

let moved = 0
let watch: ReturnType<typeof stopwatch> | undefined
const relay = outboxRelay({
  ...env,
  outbox,
  system,
  owner: `bench-${process.pid}`,
  prepare: async () => {},
  observer: {
    relayed({ count }) {
      moved += count
      if (!watch && moved >= warm) {
        watch = stopwatch()
        moved -= warm
      } else if (watch && moved >= rows) {
        tell(watch.stop(moved))
        moved = Number.NEGATIVE_INFINITY
      }
    },
  },
})
relay.wake()
process.once('SIGTERM', () => void relay.stop().then(() => process.exit()))
