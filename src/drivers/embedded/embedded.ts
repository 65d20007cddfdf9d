import { resolve } from 'node:path'
import { HoldfastError, offset } from '../../event/index.ts'
import {
  leaseGroups,
  systemProcessProbe,
  type GroupTopics,
  type LogDriver,
  type LogEnvironment,
  type LogSystem,
} from '../../log/index.ts'
import { CatalogueReader } from './catalogue.ts'
import { groupStorage } from './group-storage.ts'
import { EmbeddedLog } from './log.ts'
import { openFolder } from './open-folder.ts'
import {
  resolveEmbeddedOptions,
  type EmbeddedObserver,
  type EmbeddedOptions,
  type ResolvedEmbeddedOptions,
} from './options.ts'
import type { Storage } from './storage.ts'
import { readTail } from './tail.ts'

/**
 * The log of Holdfast without a broker: a folder on this machine. An acknowledged append survives power loss, not loss
 * of the disk. Several processes of the machine may share the folder.
 */
export function embedded(folder: string, options: EmbeddedOptions = {}): LogDriver {
  const resolved = resolveEmbeddedOptions(options)
  const where = resolve(folder)
  return { kind: 'embedded', where, open: env => openEmbedded(where, env, resolved) }
}

/**
 * Opens a log so that it can be moved: nothing is deleted from it meanwhile, neither by retention nor for its index of
 * ids. `alone` is refused with `LOG_IN_USE` while any other process has it open, and keeps all others out.
 */
export function openToMove(folder: string, env: LogEnvironment, as: 'shared' | 'alone'): Promise<LogSystem> {
  const options = resolveEmbeddedOptions({ retentionInterval: LONG, idIndexBytes: 0 })
  return openEmbedded(resolve(folder), env, options, as)
}

/** As long as a timer takes. */
const LONG = '24d'

async function openEmbedded(
  folder: string,
  env: LogEnvironment,
  options: ResolvedEmbeddedOptions,
  as: 'shared' | 'alone' = 'shared',
): Promise<LogSystem> {
  const observe: EmbeddedObserver = {
    ...options.observe,
    committed(ms) {
      options.observe.committed?.(ms)
      env.observer?.synced?.({ seconds: ms / 1_000 })
    },
  }
  const opened = await openFolder(folder, env.clock, { ...options, observe }, as)
  const { storage } = opened
  const catalogue = new CatalogueReader()
  const log = new EmbeddedLog(opened, catalogue, env, options)
  const groups = leaseGroups(
    {
      ...env,
      store: groupStorage(storage),
      topics: groupTopics(storage, catalogue),
      probe: systemProcessProbe(),
    },
    options.leases,
  )
  return {
    log,
    groups,
    features: { deduplicates: true, retains: true, persists: true, findsIds: true, imports: true },
    imports: { ...log.imports, positions: groups.restore },
    findId: (id, options) => log.findId(id, options),
    space() {
      const { fileBytes, diskFreeBytes } = storage.sizes()
      return { usedBytes: fileBytes, freeBytes: diskFreeBytes }
    },
    bytesOf: ({ topic, partition }) =>
      storage.view(view => {
        const stored = catalogue.topic(view, topic)
        return stored && readTail(view, { topicId: stored.id, partition })?.bytes
      }),
    failed: storage.failed,
    async close() {
      await groups.close()
      await log.close()
    },
  }
}

function groupTopics(storage: Storage, catalogue: CatalogueReader): GroupTopics {
  return {
    partitions: topic => storage.view(view => catalogue.topic(view, topic)?.partitions),
    end({ topic, partition }) {
      const end = storage.view(view => {
        const stored = catalogue.topic(view, topic)
        return stored && readTail(view, { topicId: stored.id, partition })?.end
      })
      if (end === undefined) {
        throw new HoldfastError('LOG_CORRUPT', { detail: `the tail of ${topic}/${partition} is missing` })
      }
      return offset(end)
    },
  }
}
