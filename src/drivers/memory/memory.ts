import { leaseGroups, type LogDriver, type LogSystem, type ProcessProbe } from '../../log/index.ts'
import { MemoryLog } from './log.ts'
import { resolveMemoryOptions, type MemoryOptions } from './options.ts'
import { MemoryStore } from './store.ts'

/**
 * A log in the memory of this process: every promise of the port but durability, which is `memory`. What was appended
 * is there as long as the driver value is, also for a second `open` after the first was closed.
 */
export function memory(options: MemoryOptions = {}): LogDriver {
  const resolved = resolveMemoryOptions(options)
  const store = new MemoryStore()
  return {
    kind: 'memory',
    where: 'memory',
    open: async (env): Promise<LogSystem> => {
      const groupStore = store.groupStore()
      const log = new MemoryLog(store, groupStore, env.clock, resolved)
      const topics = {
        partitions: (topic: string) => store.topics.get(topic)?.partitions.length,
        end: (tp: { topic: string; partition: number }) => store.partition(tp).bounds().end,
      }
      const groups = leaseGroups(
        { store: groupStore, topics, probe: onlyThisProcess, ...env },
        resolved.leases,
      )
      return {
        log,
        groups,
        features: {
          deduplicates: true,
          retains: true,
          persists: { reason: 'it is in the memory of the process' },
          findsIds: { reason: 'it keeps no index: whoever asks reads what there is' },
          imports: true,
        },
        imports: { ...log.imports, positions: groups.restore },
        failed: new Promise(() => {}), // memory does not fail by itself
        close: async () => {
          await groups.close()
          await log.close()
        },
      }
    },
  }
}

/** All members are of this process, which runs. */
const onlyThisProcess: ProcessProbe = {
  self: { pid: process.pid, bootId: '', startedAt: '' },
  alive: () => undefined,
}
