import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { openSpool, resolveSpoolOptions, type Spool, type SpoolOptions } from '../../src/collect/index.ts'
import { seededRandom, silentLogger, systemClock } from '../../src/event/index.ts'
import type { Log, LogSystem } from '../../src/log/index.ts'
import { openLog } from '../embedded/open.ts'
import { clicks, foreign, keys, memoryLog, notes, rig, type Rig } from './collector.ts'
import { outage, type Outage } from './outage.ts'
import { until } from './until.ts'

const topics = [clicks, notes, foreign]
export const click = (id: string, campaignId = 'c1', n = 0): string =>
  JSON.stringify({ type: 'click', id, data: { campaignId, n } })

export interface SpoolRig extends Rig {
  readonly spool: Spool
  readonly remote: Outage
  readonly storage: LogSystem
  readonly drained: () => number
}

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'holdfast-spool-'))
  closing.push(() => rm(made, { recursive: true, force: true }))
  return made
}

/** A collector with a spool in front of a log that can be away. */
export async function spooling(
  options: SpoolOptions & { readonly log?: Log; readonly declare?: (topic: string) => Promise<void> } = {},
): Promise<SpoolRig> {
  const { log = await memoryLog(systemClock), declare = async () => {}, ...given } = options
  const remote = outage(log)
  const resolved = resolveSpoolOptions({
    folder: given.folder ?? (await folder()),
    patience: '100ms',
    ...given,
  })
  const { maxBytes } = resolved
  const storage = await openLog(resolved.folder, { idIndexBytes: 0, maxBytes })
  let drained = 0
  const spool = await openSpool({
    log: remote.log,
    storage,
    topics,
    declare,
    options: resolved,
    clock: systemClock,
    random: seededRandom(3),
    logger: silentLogger,
    observer: { drained: ({ count }) => (drained += count) },
  })
  const made = await rig({
    openLog: async () => log,
    around: () => remote.log,
    spool,
    dedup: 'local',
    keys: { ...keys, pk_else: { tenant: 't3', topics: ['events.raw'] } },
  })
  let closed: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      await made.collector.stop()
      await spool.close()
      await storage.close()
    })())
  closing.push(close)
  return { ...made, close, spool, remote, storage, drained: () => drained }
}

export async function idsIn({ stored }: Rig): Promise<string[]> {
  return (await stored()).map(({ id }) => id)
}

export const normal = ({ spool }: SpoolRig): Promise<unknown> =>
  until('the spool is empty', () => spool.status().state === 'NORMAL' && spool.status().events === 0)
