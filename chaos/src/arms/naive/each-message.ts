import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { app, embedded } from 'holdfast'

type System = ReturnType<typeof app>['system']
type Offset = Awaited<ReturnType<System['log']['read']>>['next']
type Owned = Parameters<Parameters<System['groups']['join']>[2]['assigned']>[0][number]

export interface Message {
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
}

export interface EachMessageOptions {
  /**
   * Called for the messages of a partition one after another, for several partitions at once. When it throws, the
   * message comes again after a pause.
   */
  readonly eachMessage: (message: Message) => Promise<void>
  /**
   * When the position moves behind a message: once it was handed over, whatever becomes of it, as clients of Kafka do
   * by default; or once `eachMessage` has resolved for it.
   */
  readonly commit: 'delivered' | 'done'
}

export interface Consuming {
  /** Messages that `eachMessage` has not resolved for, and the age of the oldest in seconds. */
  lag(): Promise<{ readonly lag: number; readonly lagSeconds: number }>
  stop(): Promise<void>
}

const RETRY_PAUSE_MS = 200
const PAGE = { maxRecords: 100, maxBytes: 1024 * 1024, waitMs: 1_000 }

/** A consumer in the shape that clients of Kafka have, on nothing but read and commit of the embedded log. */
export async function consume(
  { folder, topic, group }: { readonly folder: string; readonly topic: string; readonly group: string },
  { eachMessage, commit }: EachMessageOptions,
): Promise<Consuming> {
  const reader = app({ name: 'naive', log: embedded(folder) })
  await reader.start({ roles: [] })
  const { log, groups } = reader.system
  const stopping = new AbortController()
  const { signal } = stopping
  /** The message of each partition that is in hand, or the next to come. */
  const places = new Map<number, Offset>()
  const loops: Promise<void>[] = []

  const follow = async (owned: Owned): Promise<void> => {
    const { partition } = owned
    let offset = await firstOf(reader.system, group, owned)
    while (!signal.aborted) {
      places.set(partition, offset)
      const { records, next } = await log.read({ topic, partition, offset }, PAGE, signal)
      if (next === offset) continue
      const store = () => groups.commit(group, [{ ...owned, offset: next }])
      if (commit === 'delivered') await store()
      for (const record of records) {
        places.set(partition, record.offset)
        const message = { value: Buffer.from(record.value ?? []).toString(), headers: record.headers }
        while (!signal.aborted && !(await succeeds(eachMessage(message)))) await wait(RETRY_PAUSE_MS)
      }
      if (signal.aborted) return
      if (commit === 'done') await store()
      offset = next
    }
  }

  // There is one consumer: whatever takes a partition from it ends it.
  const membership = await groups.join(group, [topic], {
    name: `naive@${process.pid}`,
    assigned: owned => void loops.push(...owned.map(follow)),
    async revoking() {
      stopping.abort()
      await Promise.all(loops)
    },
    lost: () => stopping.abort(),
  })
  return {
    async lag() {
      const all = [...places].map(([partition, offset]) =>
        behind(reader.system, { topic, partition, offset }),
      )
      const partitions = await Promise.all(all)
      return {
        lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
        lagSeconds: Math.max(0, ...partitions.map(({ lagSeconds }) => lagSeconds)),
      }
    },
    async stop() {
      await membership.leave()
      await reader.stop()
    },
  }
}

async function firstOf({ log, groups }: System, group: string, { topic, partition }: Owned): Promise<Offset> {
  const committed = await groups.committed(group)
  const own = committed.find(at => at.topic === topic && at.partition === partition)
  return own?.offset ?? (await log.bounds({ topic, partition })).start
}

async function behind(
  { log }: System,
  at: { readonly topic: string; readonly partition: number; readonly offset: Offset },
): Promise<{ lag: number; lagSeconds: number }> {
  const none = { maxRecords: 1, maxBytes: 1, waitMs: 0 }
  const { records, end } = await log.read(at, none, AbortSignal.timeout(1_000))
  const [oldest] = records
  return {
    lag: Number(end - at.offset),
    lagSeconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.timestamp) / 1_000),
  }
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  )
}
