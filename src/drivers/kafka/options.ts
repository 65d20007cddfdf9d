import { HoldfastError, parseDuration, type Duration } from '../../event/index.ts'
import { resolveGroupOptions, type GroupOptions, type ResolvedGroupOptions } from './groups/options.ts'

export interface KafkaOptions {
  /**
   * Where to begin: `host:port` of one broker or, better, several, as a list or with commas between. The others are
   * learned from them.
   */
  readonly brokers: string | readonly string[]
  /** What the brokers' logs and quotas call this app. Defaults to `holdfast`. */
  readonly clientId?: string | undefined
  /** Encrypted connections: true, or what to trust and who we are (mTLS). Defaults to false. */
  readonly tls?: boolean | KafkaTls | undefined
  /** A login. Defaults to none. */
  readonly sasl?: KafkaSasl | undefined
  /**
   * How topics are made that do not exist. Topics that do exist are taken as they are. Defaults to what the brokers do
   * for whoever says nothing, and with `durability: 'quorum'` to 3 copies of which 2 must be in step.
   */
  readonly replication?: KafkaReplication | undefined
  /**
   * What an acknowledged append must survive at least. `quorum`: the loss of a broker; a topic with fewer than three
   * copies, or of which one in step is enough, is refused. `single`: anything goes, and is said. Defaults to `single`.
   */
  readonly durability?: 'quorum' | 'single' | undefined
  /** Fewer bytes on the wire and on the brokers' disks for more time of this process. Defaults to `none`. */
  readonly compression?: KafkaCompression | undefined
  /**
   * Largest record: key, value and headers, in bytes. Topics made here take it; of a topic that takes less, its
   * `max.message.bytes` is the bound. Defaults to 1,000,000.
   */
  readonly maxRecordBytes?: number | undefined
  /**
   * Bytes of records that may wait for the brokers; above it appends are refused with `LOG_FULL`. More outlasts a longer
   * absence of a broker and takes that much memory. Defaults to 64 MiB.
   */
  readonly maxQueueBytes?: number | undefined
  /**
   * How long an append may take before its caller is answered: `LOG_STALLED` when its records were never sent, else
   * `LOG_FAILED`. What was sent is sent again all the same, in order, until a broker has answered. Defaults to `'10s'`.
   */
  readonly deliveryTimeout?: Duration | undefined
  /**
   * After this a broker that does not answer counts as gone. Lower finds a frozen broker sooner; below what a busy one
   * needs, nothing is stored any more. Defaults to `'3s'`.
   */
  readonly requestTimeout?: Duration | undefined
  /** How long one attempt to connect may take, with TLS and login. Defaults to `'2s'`. */
  readonly connectTimeout?: Duration | undefined
  /** Members of groups: how soon a dead one is missed, and names that stay. */
  readonly groups?: GroupOptions | undefined
}

/** As in `tls.connect` of Node: PEM text. */
export interface KafkaTls {
  /** Whom to trust. Defaults to the authorities that Node trusts. */
  readonly ca?: string | readonly string[] | undefined
  /** Who we are, for brokers that ask: certificate and key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
  /** The name in the brokers' certificates, where it is not the host's. */
  readonly servername?: string | undefined
  /** False trusts anybody. Never in production. Defaults to true. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** How this process says who it is. */
export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      /** RFC 7628. */
      readonly mechanism: 'oauthbearer'
      /** A function is asked at each login, and again before the broker ends the session; keep what it fetches. */
      readonly token: string | (() => string | Promise<string>)
      /** What the broker wants to know besides, such as `logicalCluster`. Defaults to nothing. */
      readonly extensions?: Readonly<Record<string, string>> | undefined
    }

export interface KafkaReplication {
  /** Copies of each partition; so many brokers it takes at least. */
  readonly factor: number
  /** Copies that must have a record before it is acknowledged. Defaults to 2, and to 1 with fewer than 3 copies. */
  readonly minInsync?: number | undefined
}

export type KafkaCompression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** What it takes to reach the brokers. */
export interface ConnectionSettings {
  readonly brokers: readonly { readonly host: string; readonly port: number }[]
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly tls: Readonly<Record<string, unknown>> | undefined
  readonly sasl:
    | {
        readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
        readonly username: string
        readonly password: string
      }
    | {
        readonly mechanism: 'OAUTHBEARER'
        readonly token: string | (() => string | Promise<string>)
        readonly oauthBearerExtensions: Record<string, string>
      }
    | undefined
}

export interface ResolvedKafkaOptions {
  readonly connection: ConnectionSettings
  /** Undefined leaves it to the brokers. */
  readonly replication: { readonly factor: number; readonly minInsync: number } | undefined
  readonly durability: 'quorum' | 'single'
  readonly compression: KafkaCompression
  readonly maxRecordBytes: number
  readonly maxQueueBytes: number
  readonly deliveryTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly groups: ResolvedGroupOptions
}

const MIB = 1024 * 1024
const DAY_MS = 86_400_000

/** Every field filled. Throws `CONFIG_INVALID` naming the option, its bound and what was given. */
export function resolveKafkaOptions(options: KafkaOptions): ResolvedKafkaOptions {
  const resolved: ResolvedKafkaOptions = {
    connection: {
      brokers: resolveBrokers(options.brokers),
      clientId: options.clientId ?? 'holdfast',
      connectTimeoutMs: parseDuration(options.connectTimeout ?? '2s', 'kafka: connectTimeout'),
      tls: resolveTls(options.tls),
      sasl: resolveSasl(options.sasl),
    },
    replication: resolveReplication(options),
    durability: options.durability ?? 'single',
    compression: options.compression ?? 'none',
    maxRecordBytes: options.maxRecordBytes ?? 1_000_000,
    maxQueueBytes: options.maxQueueBytes ?? 64 * MIB,
    deliveryTimeoutMs: parseDuration(options.deliveryTimeout ?? '10s', 'kafka: deliveryTimeout'),
    requestTimeoutMs: parseDuration(options.requestTimeout ?? '3s', 'kafka: requestTimeout'),
    groups: resolveGroupOptions(options.groups),
  }
  check(resolved)
  return resolved
}

function check({ connection, replication, ...rest }: ResolvedKafkaOptions): void {
  const { clientId } = connection
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(clientId))
    refuse('clientId', '1 to 200 of the characters a-z A-Z 0-9 . _ -', clientId)
  inRange('connectTimeout', connection.connectTimeoutMs, 10, DAY_MS)
  oneOf('durability', rest.durability, ['quorum', 'single'])
  if (replication !== undefined) {
    const { factor, minInsync } = replication
    inRange('replication.factor', factor, 1, 32)
    inRange('replication.minInsync', minInsync, 1, factor)
    if (rest.durability === 'quorum' && !isQuorum(factor, minInsync))
      refuse(
        'replication',
        'at least { factor: 3, minInsync: 2 } with durability quorum',
        `{ factor: ${factor}, minInsync: ${minInsync} }`,
      )
  }
  oneOf('compression', rest.compression, ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
  // The client and the brokers count sizes in 32 bits, and a batch is held several times while it is sent.
  inRange('maxRecordBytes', rest.maxRecordBytes, 1, 64 * MIB)
  inRange('maxQueueBytes', rest.maxQueueBytes, rest.maxRecordBytes, Number.MAX_SAFE_INTEGER)
  inRange('requestTimeout', rest.requestTimeoutMs, 100, DAY_MS)
  inRange('deliveryTimeout', rest.deliveryTimeoutMs, 1, DAY_MS)
}

/** Whether a topic with so many copies, of which so many must be in step, survives the loss of a broker. */
export function isQuorum(factor: number, minInsync: number): boolean {
  return factor >= 3 && minInsync >= 2
}

function resolveReplication({ replication, durability }: KafkaOptions): ResolvedKafkaOptions['replication'] {
  if (replication === undefined) return durability === 'quorum' ? { factor: 3, minInsync: 2 } : undefined
  const { factor, minInsync = factor >= 3 ? 2 : 1 } = replication
  return { factor, minInsync }
}

function resolveBrokers(brokers: KafkaOptions['brokers']): ConnectionSettings['brokers'] {
  const list = typeof brokers === 'string' ? brokers.split(',').map(broker => broker.trim()) : brokers
  if (!Array.isArray(list) || list.length === 0)
    refuse('brokers', 'a list of host:port, at least one', JSON.stringify(brokers))
  return list.map((broker: string) => {
    const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(broker)
    const host = match?.[1] ?? match?.[2]
    const port = Number(match?.[3])
    if (host === undefined || port < 1 || port > 65_535) return refuse('brokers', 'host:port', broker)
    return { host, port }
  })
}

function resolveTls(tls: KafkaOptions['tls']): ConnectionSettings['tls'] {
  if (tls === undefined || tls === false) return undefined
  if (tls === true) return {}
  if ((tls.cert === undefined) !== (tls.key === undefined))
    refuse('tls', 'given cert and key together', 'one')
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
}

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

function resolveSasl(sasl: KafkaSasl | undefined): ConnectionSettings['sasl'] {
  if (sasl === undefined) return undefined
  oneOf('sasl.mechanism', sasl.mechanism, [...Object.keys(mechanisms), 'oauthbearer'])
  if (sasl.mechanism === 'oauthbearer') {
    const { token, extensions = {} } = sasl
    if (typeof token !== 'function' && (typeof token !== 'string' || token === ''))
      refuse('sasl.token', 'a token, or a function that answers one', 'none')
    return { mechanism: 'OAUTHBEARER', token, oauthBearerExtensions: { ...extensions } }
  }
  const { mechanism, username, password } = sasl
  if (typeof username !== 'string' || username === '') refuse('sasl.username', 'a name', 'none')
  if (typeof password !== 'string' || password === '') refuse('sasl.password', 'given', 'none')
  return { mechanism: mechanisms[mechanism], username, password }
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) refuse(option, `one of ${allowed.join(', ')}`, value)
}

function inRange(option: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    refuse(option, `from ${min} to ${max}`, value)
}

function refuse(option: string, bound: string, value: string | number): never {
  throw new HoldfastError('CONFIG_INVALID', { detail: `kafka: ${option} must be ${bound}, got ${value}` })
}
