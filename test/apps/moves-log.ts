import { embedded, kafka, type LogDriver } from 'holdfast'

/** Where the app of the tests keeps its events; as JSON, so that each of its processes can be told. */
export interface MovesLog {
  /** Folder of an embedded log. */
  readonly data: string
  /** Of a Kafka, which is used instead. */
  readonly brokers?: readonly string[] | undefined
  /** After how long without a sign a member is expelled, milliseconds; on Kafka no sooner than after six seconds. */
  readonly sessionMs?: number
  /** How often a member says that it lives, milliseconds. */
  readonly beatMs?: number
  /** A name for this process for ever, in groups on Kafka. */
  readonly instanceId?: string
  /** How often old events are deleted from an embedded log. */
  readonly retentionInterval?: '200ms'
}

export function movesLog({
  data,
  brokers,
  sessionMs,
  beatMs = 1_000,
  instanceId,
  retentionInterval,
}: MovesLog): LogDriver {
  if (brokers === undefined) return embedded(data, { retentionInterval, leases: { sessionMs, beatMs } })
  const session = Math.max(sessionMs ?? 30_000, SHORTEST_SESSION_MS)
  return kafka({
    brokers,
    // As many copies as there are brokers to hold them, which is one or three.
    replication: { factor: brokers.length },
    groups: {
      beat: `${Math.min(beatMs, 1_000)}ms`,
      session: `${session}ms`,
      rebalanceTimeout: `${Math.max(session, 60_000)}ms`,
      instanceId,
    },
  })
}

/** A broker and its members are busy processes of one machine: whoever is slow for two seconds is not gone. */
const SHORTEST_SESSION_MS = 6_000
