import { embedded } from '../../src/drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'

/** Writes without pause, says `writes`, and ends itself by `process.exit` after so many appends, whatever is under way. */
const [folder = '', appends = '0'] = process.argv.slice(2)
const { log } = await embedded(folder, { minFreeBytes: 0, reserveBytes: 0 }).open({
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
})
await log.topics.create('t', { partitions: 1 })
process.stdout.write('writes\n')
const value = Buffer.alloc(1_000)
for (let n = 0; n < Number(appends); n++) await log.append('t', [{ value, headers: {}, partition: 0 }])
void log.append('t', [{ value, headers: {}, partition: 0 }])
setTimeout(() => process.exit(3), Number(appends) % 3)
