import { partitionId, type Offset } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'
import { READY_TOPIC } from '../readiness.ts'
import { Cursors } from './cursors.ts'
import type { SetAsideStatus } from './set-aside-book.ts'
import { readSetAside, SET_ASIDE_TOPIC } from './set-aside-record.ts'

/** What a spool holds, as its folder tells it, whether a collector runs on it or not. */
export interface SpoolContents {
  /** That only the spool has, as far as known. */
  readonly events: number
  /** That the log finds too large. */
  readonly setAside: SetAsideStatus
  /** When the oldest was written, milliseconds since 1970; undefined without any. */
  readonly oldestAt: number | undefined
}

export async function spoolContents(storage: LogSystem): Promise<SpoolContents> {
  const { log } = storage
  const saved = new Map((await new Cursors(storage).saved()).map(at => [partitionId(at), at.offset]))
  let events = 0
  let oldestAt: number | undefined
  for (const topic of await log.topics.list()) {
    if (topic === READY_TOPIC || topic === SET_ASIDE_TOPIC) continue
    const { partitions = 0 } = (await log.topics.describe(topic)) ?? {}
    for (let partition = 0; partition < partitions; partition++) {
      const at = { topic, partition }
      const { start, end } = await log.bounds(at)
      const cursor: Offset = saved.get(partitionId(at)) ?? start
      const from = cursor > start ? cursor : start
      const count = Number(end - from)
      if (count === 0) continue
      events += count
      const one = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
      const { records } = await log.read({ ...at, offset: from }, one, AbortSignal.any([]))
      const time = records[0]?.timestamp
      if (time !== undefined) oldestAt = Math.min(oldestAt ?? time, time)
    }
  }
  const setAside = (await readSetAside(log, saved)).status()
  return { events, setAside, oldestAt }
}
