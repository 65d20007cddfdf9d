import type { Finding } from '../../event/index.ts'
import type { WantedTopic } from '../../log/index.ts'
import type { Cluster } from './cluster.ts'
import { BROKER, readConfigs, TOPIC } from './configs.ts'
import { driftOf, type DriftOptions, type FoundTopic } from './drift.ts'
import type { Link } from './link.ts'

export interface ExamineDeps {
  readonly cluster: Cluster
  readonly link: Link
  readonly options: DriftOptions
}

/** Compares topics with what the brokers have. Changes nothing. Rejects as the log does. */
export async function examine(
  wanted: readonly WantedTopic[],
  { cluster, link, options }: ExamineDeps,
): Promise<readonly Finding[]> {
  const topics = new Map<string, FoundTopic>()
  for (const { name } of wanted) {
    const view = await cluster.topic(name, { fresh: true })
    if (view === undefined) continue
    const copies = Math.min(...view.partitions.map(({ factor }) => factor))
    topics.set(name, {
      partitions: view.partitions.length,
      copies,
      settings: await settingsOf(link, cluster, name),
    })
  }
  return driftOf(wanted, { topics, positionsKeptMs: await positionsKept(link, cluster) }, options)
}

const POSITIONS_KEPT = 'offsets.retention.minutes'

async function settingsOf(
  link: Link,
  cluster: Cluster,
  topic: string,
): Promise<ReadonlyMap<string, string> | undefined> {
  const set = await readConfigs(link, await cluster.controller(), { kind: TOPIC, name: topic })
  return typeof set === 'string' ? undefined : set
}

/** Of any broker: they are meant to be set alike. Undefined when this user may not see it. */
async function positionsKept(link: Link, cluster: Cluster): Promise<number | undefined> {
  const [node] = cluster.nodes
  if (node === undefined) return undefined
  const [id, broker] = node
  const set = await readConfigs(link, broker, { kind: BROKER, name: String(id), keys: [POSITIONS_KEPT] })
  const minutes = typeof set === 'string' ? undefined : set.get(POSITIONS_KEPT)
  return minutes === undefined ? undefined : Number(minutes) * 60_000
}
