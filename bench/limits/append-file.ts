/**
 * The limit of an append: one file, group commit. Whoever appends waits; whatever came while the last sync ran is
 * written by one `writev` and made durable by one `fdatasync`. Each record carries its length and a CRC.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { given, stopwatch, tell } from '../frame/stopwatch.ts'

const options = given<{ folder: string; producers: number; batch: number; bytes: number; seconds: number }>()
const file = await open(join(options.folder, 'log'), 'w')
const value = Buffer.alloc(options.bytes, 'x')

let waiting: Buffer[] = []
let stored = Promise.withResolvers<void>()
let syncing = false

function append(values: readonly Buffer[]): Promise<void> {
  for (const value of values) {
    const head = Buffer.allocUnsafe(8)
    head.writeUInt32LE(value.length, 0)
    head.writeUInt32LE(crc32(value), 4)
    waiting.push(head, value)
  }
  if (!syncing) void commit()
  return stored.promise
}

async function commit(): Promise<void> {
  syncing = true
  await Promise.resolve() // whoever appends in this turn is in it
  while (waiting.length > 0) {
    const [buffers, group] = [waiting, stored]
    waiting = []
    stored = Promise.withResolvers<void>()
    await file.writev(buffers)
    await file.datasync()
    group.resolve()
    await new Promise(setImmediate) // those who were answered append again
  }
  syncing = false
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
