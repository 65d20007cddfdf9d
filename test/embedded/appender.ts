import { writeSync } from 'node:fs'
import { openLog } from './open.ts'

/**
 * Appends to the topic `events` as fast as it is acknowledged, and says of each record where it was put. Arguments: the
 * folder, a name for its records, how many calls (0: until it is killed). After each call it moves the group of its
 * name to the end of what it appended.
 */
const [folder = '', name = '', calls = '0'] = process.argv.slice(2)
const PRODUCERS = 8
const system = await openLog(folder)
await system.log.topics.create('events', { partitions: 3 })
writeSync(1, 'ready\n')

let next = 0
async function produce(producer: number): Promise<void> {
  for (let call = 0; Number(calls) === 0 || call < Number(calls); call++) {
    const ids = Array.from({ length: 1 + (call % 3) }, () => `${name}-${next++}`)
    const partition = (producer + call) % 3
    const outcomes = await system.log.append(
      'events',
      ids.map(id => ({
        partition,
        key: `${name}-${producer}`,
        value: Buffer.from(id.padEnd(200)),
        headers: {},
      })),
    )
    const places = outcomes.map(({ position }, i) => `${ids[i]}@${position.partition}/${position.offset}`)
    // One write for a call: a kill leaves whole lines, or none.
    writeSync(1, `acknowledged ${places.join(' ')}\n`)
    const last = outcomes.at(-1)
    if (last !== undefined && producer === 0) {
      await system.groups.move(name, [last.position])
      writeSync(1, `committed ${last.position.partition}/${last.position.offset}\n`)
    }
  }
}

await Promise.all(Array.from({ length: PRODUCERS }, (_, producer) => produce(producer)))
await system.close()
writeSync(1, 'closed\n')
