import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  openSpool,
  resolveSpoolOptions,
  type CollectObserver,
  type ResolvedSpoolOptions,
  type Spool,
  type SpoolOptions,
} from '../collect/index.ts'
import { embedded } from '../drivers/embedded/index.ts'
import { HoldfastError } from '../event/index.ts'
import type { Log, LogEnvironment } from '../log/index.ts'
import type { AnyTopic } from '../schema/index.ts'
import { claimFolder, type FolderClaim } from './folder-claim.ts'

/** The spool of the collector of this process, in a folder that no other process has. */
export interface KeptSpool {
  readonly spool: Spool
  /** Settles when the folder can no longer be trusted: the process must end. */
  readonly failed: Promise<HoldfastError>
  close(): Promise<void>
}

export interface SpoolRequest {
  readonly log: Log
  readonly topics: readonly AnyTopic[]
  /** Makes the topic in the log, if that was not done yet. */
  readonly declare: (topic: AnyTopic) => Promise<void>
  readonly options: SpoolOptions | undefined
  readonly env: LogEnvironment
  readonly observer: CollectObserver
}

/** Rejects with `CONFIG_INVALID` for a folder that cannot be used, and with `LOG_IN_USE` for one that another process has. */
export async function keepSpool({
  log,
  topics,
  declare,
  options,
  env,
  observer,
}: SpoolRequest): Promise<KeptSpool> {
  const given = resolveSpoolOptions(options)
  const resolved = { ...given, folder: resolve(given.folder) }
  const claim = claimSpool(resolved.folder)
  try {
    const storage = await embedded(resolved.folder, storageOptions(resolved, log)).open(env)
    try {
      const spool = await openSpool({
        log,
        storage,
        topics,
        declare: async name => {
          const topic = topics.find(one => one.name === name)
          if (topic) await declare(topic) // one that is no longer declared was made when it was
        },
        options: resolved,
        ...env,
        observer,
      })
      return {
        spool,
        failed: storage.failed,
        async close() {
          await spool.close()
          await storage.close()
          claim.release()
        },
      }
    } catch (error) {
      await storage.close()
      throw error
    }
  } catch (error) {
    claim.release()
    throw error
  }
}

function storageOptions(
  { maxBytes, minFreeBytes }: ResolvedSpoolOptions,
  log: Log,
): Parameters<typeof embedded>[1] {
  // What the log takes now, or took when it was spooled, the spool takes, also with a word about why it is set aside.
  const maxRecordBytes = Math.max(LARGEST_EVENT_BYTES, log.maxRecordBytes ?? 0) + ROOM_FOR_HEADERS
  // Nobody looks for ids in it.
  return { maxBytes, minFreeBytes, maxRecordBytes, maxQueueBytes: 2 * maxRecordBytes, idIndexBytes: 0 }
}

const LARGEST_EVENT_BYTES = 32 * 1024 * 1024
const ROOM_FOR_HEADERS = 4_096

function claimSpool(folder: string): FolderClaim {
  try {
    mkdirSync(folder, { recursive: true })
    return claimFolder(
      join(folder, 'collector.json'),
      ({ pid }) =>
        new HoldfastError('LOG_IN_USE', {
          detail: `${folder} is the spool of process ${pid}; give each collector a folder of its own: spool.folder`,
          facts: { folder, pid },
        }),
    )
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `collector: spool.folder ${folder} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    })
  }
}
