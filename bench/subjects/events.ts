import { randomUUID } from 'node:crypto'
import { encodeEvent } from '../../src/event/index.ts'
import type { AppendRecord, Log } from '../../src/log/index.ts'
import { dataOf, vehicles } from './vehicles.ts'

/** Appends events as the door would write them, a thousand at a time. */
export async function appendEvents(log: Log, events: number, topic: string = vehicles.name): Promise<void> {
  for (let n = 0; n < events; n += BATCH) {
    const size = Math.min(BATCH, events - n)
    await log.append(
      topic,
      Array.from({ length: size }, (_, i) => eventRecord(n + i)),
    )
  }
}

const BATCH = 1_000

/** The n-th event, under an id of its own. */
export function eventRecord(n: number): AppendRecord {
  const data = dataOf(n)
  return encodeEvent({
    id: randomUUID(),
    source: '/bench',
    type: 'moved',
    version: 1,
    time: undefined,
    acceptedAt: Date.now(),
    extensions: {},
    key: data.vehicle,
    data: Buffer.from(JSON.stringify(data)),
  })
}
