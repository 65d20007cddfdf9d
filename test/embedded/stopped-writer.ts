import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { diskSpace } from '../../src/drivers/embedded/disk-space.ts'
import { openLmdbStorage } from '../../src/drivers/embedded/lmdb-storage.ts'
import { systemClock } from '../../src/event/index.ts'

/**
 * Stops itself by SIGSTOP in the middle of a transaction, with LMDB's lock. Continued, it commits. Arguments: the folder
 * and, if it shall write one, the key of a row.
 *
 *     stops
 *     committed
 */
const [folder = '', key] = process.argv.slice(2)
const storage = await openLmdbStorage({
  file: join(folder, 'data.mdb'),
  mode: 'keep',
  clock: systemClock,
  space: diskSpace(join(folder, 'reserve'), { minFreeBytes: 0, reserveBytes: 0 }),
  maxBytes: Number.POSITIVE_INFINITY,
  commitTimeoutMs: 600_000,
})
await storage.transact(tx => {
  writeSync(1, 'stops\n')
  process.kill(process.pid, 'SIGSTOP')
  if (key !== undefined) tx.putRow('state', Buffer.from(key), Buffer.from('of the other'))
}, 'ordinary')
writeSync(1, 'committed\n')
await storage.close()
