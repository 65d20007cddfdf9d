/** What events take on the disk as the door writes them, known ids included, and what each further group adds. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { embedded } from '../../src/drivers/embedded/index.ts'
import { openEnvironment } from '../../src/drivers/embedded/lmdb.ts'
import { DATA_FILE } from '../../src/drivers/embedded/open-folder.ts'
import { offset, sha256, silentLogger, systemClock, systemRandom } from '../../src/event/index.ts'
import type { Groups, LogSystem, OwnedPartition } from '../../src/log/index.ts'
import { given, tell } from '../frame/stopwatch.ts'
import { eventRecord } from './events.ts'
import { vehicles } from './vehicles.ts'

const { folder, events, together, groups } = given<{
  folder: string
  events: number
  /** As many are stored by one commit. */
  together: number
  groups: number
}>()

/** Pages that hold something, whatever the length of the file. */
async function usedBytes(fn: (system: LogSystem) => Promise<void>): Promise<number> {
  const system = await embedded(folder).open({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  await fn(system)
  await system.close()
  const file = await openEnvironment(join(folder, DATA_FILE), 'read')
  const { usedBytes } = file.usage()
  await file.close()
  return usedBytes
}

async function addGroup(to: Groups, name: string): Promise<void> {
  const owned = Promise.withResolvers<readonly OwnedPartition[]>()
  const member = {
    name: 'bench',
    assigned: owned.resolve,
    revoking: () => Promise.resolve(),
    lost: () => {},
  }
  const membership = await to.join(name, [vehicles.name], member)
  await to.commit(
    name,
    (await owned.promise).map(at => ({ ...at, offset: offset(1n) })),
  )
  await membership.leave()
}

const empty = await usedBytes(async ({ log }) => {
  await log.topics.create(vehicles.name, { partitions: vehicles.partitions })
})
const filled = await usedBytes(async ({ log }) => {
  for (let n = 0; n < events; n += together) {
    const records = Array.from({ length: together }, (_, i) => {
      const record = eventRecord(n + i)
      const dedup = { scope: 't', source: '/bench', id: randomUUID(), hash: sha256(record.value ?? '') }
      return { ...record, dedup }
    })
    await log.append(vehicles.name, records)
  }
})
const grouped = await usedBytes(async ({ groups: to }) => {
  for (let n = 0; n < groups; n++) await addGroup(to, `group-${n}`)
})
tell({ value: (grouped - filled) / groups, bytesPerEvent: (filled - empty) / events })
