/**
 * What a commit of LMDB allows: `append-file.ts` with another disk format. Whatever came while the last commit ran is
 * one value, under its own CRC, in one durable transaction.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { openLmdb } from '../frame/lmdb.ts'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const options = given<{ folder: string; producers: number; batch: number; bytes: number; seconds: number }>()
const lmdb = openLmdb(join(options.folder, 'log'))
const groups = lmdb.table('groups')
const value = Buffer.alloc(options.bytes, 'x')

let waiting: Buffer[] = []
let stored = Promise.withResolvers<void>()
let [committing, number] = [false, 0]

function append(values: readonly Buffer[]): Promise<void> {
  for (const value of values) waiting.push(value)
  if (!committing) void commit()
  return stored.promise
}

async function commit(): Promise<void> {
  committing = true
  await Promise.resolve() // whoever appends in this turn is in it
  while (waiting.length > 0) {
    let group = stored
    await lmdb.transaction(() => {
      group = stored
      const records = Buffer.concat(waiting)
      waiting = []
      stored = Promise.withResolvers<void>()
      const key = Buffer.allocUnsafe(12)
      key.writeDoubleBE(number++)
      key.writeUInt32BE(crc32(records), 8)
      groups.putSync(key, records)
    })
    group.resolve()
    await new Promise(setImmediate) // those who were answered append again
  }
  committing = false
}

let events = 0
async function produce(until: number): Promise<void> {
  while (performance.now() < until) {
    await append(Array.from({ length: options.batch }, () => value))
    events += options.batch
  }
}
const producers = (seconds: number): Promise<void[]> =>
  Promise.all(Array.from({ length: options.producers }, () => produce(performance.now() + seconds * 1000)))

await producers(options.seconds / 4)
events = 0
const watch = stopwatch()
await producers(options.seconds)
tell(watch.stop(events))
