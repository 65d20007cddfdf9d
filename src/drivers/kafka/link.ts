import type * as client from '@platformatic/kafka'
import { HoldfastError } from '../../event/index.ts'
import { errorIds, partialReply } from './errors.ts'
import type { ConnectionSettings, KafkaCompression } from './options.ts'
import type { Decompress } from './record-batch.ts'
import type { Compression } from './written-batch.ts'

/**
 * The one file that knows the client package, `@platformatic/kafka`, which serves as protocol library: connections,
 * TLS, SASL, and typed requests. Its producer and consumer are not used (docs/decisions/kafka.md).
 *
 * `kGetApi` and `kGetConnection` are exported by the package and not documented. Its version is pinned, and
 * `link.test.ts` fails when one of them, or a request that we send, is not what it was.
 */
type Client = typeof client

/** Requests by name, each typed by the newest version known: what is asked and answered has one shape in all versions. */
export interface Requests {
  readonly Metadata: Client['metadataV12']
  readonly DescribeCluster: Client['describeClusterV1']
  readonly InitProducerId: Client['initProducerIdV5']
  readonly Produce: Client['produceV11']
  readonly Fetch: Client['fetchV17']
  readonly ListOffsets: Client['listOffsetsV9']
  readonly DeleteRecords: Client['deleteRecordsV2']
  readonly CreateTopics: Client['createTopicsV7']
  readonly CreatePartitions: Client['createPartitionsV3']
  readonly DeleteTopics: Client['deleteTopicsV6']
  readonly DescribeConfigs: Client['describeConfigsV4']
  readonly IncrementalAlterConfigs: Client['incrementalAlterConfigsV1']
  readonly FindCoordinator: Client['findCoordinatorV6']
  readonly JoinGroup: Client['joinGroupV9']
  readonly SyncGroup: Client['syncGroupV5']
  readonly Heartbeat: Client['heartbeatV4']
  readonly LeaveGroup: Client['leaveGroupV5']
  readonly OffsetCommit: Client['offsetCommitV9']
  readonly OffsetFetch: Client['offsetFetchV9']
  readonly OffsetDelete: Client['offsetDeleteV0']
  readonly ListGroups: Client['listGroupsV5']
  readonly DescribeGroups: Client['describeGroupsV5']
  readonly DeleteGroups: Client['deleteGroupsV2']
}

export type RequestName = keyof Requests

/** The key of each request in the protocol, which names it whatever the package calls it. */
export const requestKeys: Readonly<Record<RequestName, number>> = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  CreateTopics: 19,
  DeleteTopics: 20,
  DeleteRecords: 21,
  InitProducerId: 22,
  DescribeConfigs: 32,
  CreatePartitions: 37,
  DeleteGroups: 42,
  IncrementalAlterConfigs: 44,
  OffsetDelete: 47,
  DescribeCluster: 60,
}

type Call<Name extends RequestName> = Requests[Name]['api']['async']
export type RequestArguments<Name extends RequestName> =
  Parameters<Call<Name>> extends [unknown, ...infer Arguments] ? Arguments : never
export type Reply<Name extends RequestName> = Awaited<ReturnType<Call<Name>>>

export interface Send<Name extends RequestName> {
  (...args: RequestArguments<Name>): Promise<Reply<Name>>
  /** Of the request, as the broker speaks it. */
  readonly version: number
}

/** The same for a request whose body was written elsewhere. */
export interface SendWritten<Name extends RequestName> {
  (body: readonly Buffer[]): Promise<Reply<Name>>
  readonly version: number
}

/** The same, answered by its bytes. */
export interface SendRaw<Name extends RequestName> {
  (...args: RequestArguments<Name>): Promise<Buffer>
  readonly version: number
}

export interface Broker {
  readonly host: string
  readonly port: number
}

export interface LinkLimits {
  /** After this a request has failed, and so has its connection: what waited behind it fails with it. */
  readonly requestTimeoutMs: number
}

/**
 * One connection to each broker that is asked. A broker answers the requests of a connection one after the other, so a
 * request that waits (a fetch, a join) holds up all behind it: what must not wait for one another takes links of its own.
 */
export class Link {
  readonly #client: Client
  readonly #base: client.Base
  /** What broke the last connection. */
  #broken: Error | undefined

  constructor(from: Client, settings: ConnectionSettings, limits: LinkLimits) {
    this.#client = from
    this.#base = new from.Base({
      clientId: settings.clientId,
      bootstrapBrokers: settings.brokers.map(broker => ({ ...broker })),
      connectTimeout: settings.connectTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      // Only for asking once which versions a broker speaks: each try takes another broker.
      retries: settings.brokers.length,
      retryDelay: 100,
      maxInflights: MAX_IN_FLIGHT,
      autocreateTopics: false,
      ...(settings.tls !== undefined && { tls: { ...settings.tls } }),
      ...(settings.sasl !== undefined && { sasl: { ...settings.sasl } }),
    })
    // Whoever waits for an answer is told that the connection is closed; why, only this event says. Without a listener
    // an error of a connection that has left the pool would end the process.
    this.#base.connections.on('connecting', ({ connection }) =>
      connection.on('error', (error: Error) => {
        this.#broken = error
      }),
    )
  }

  /** Rejects with the package's errors: read them by `errors.ts`. An error of a part of the answer rejects as well. */
  async call<Name extends RequestName>(
    broker: Broker,
    name: Name,
    ...args: RequestArguments<Name>
  ): Promise<Reply<Name>> {
    const send = await this.reach(broker, name)
    return send(...args)
  }

  /** Connects, and answers what sends the request. While this has not resolved, nothing of it was sent. */
  async reach<Name extends RequestName>(broker: Broker, name: Name): Promise<Send<Name>> {
    const [api, connection] = await this.#reach(broker, name)
    const send = (...args: RequestArguments<Name>): Promise<Reply<Name>> =>
      this.#explained(api.async(connection, ...args) as Promise<Reply<Name>>)
    return Object.assign(send, { version: api.version })
  }

  /** As {@link reach}, for a request that is better written elsewhere: all of it behind its head, in this version. */
  async reachWritten<Name extends RequestName>(broker: Broker, name: Name): Promise<SendWritten<Name>> {
    const [api, connection] = await this.#reach(broker, name)
    const send = (body: readonly Buffer[]): Promise<Reply<Name>> => {
      const writer = body.reduce((all, part) => all.append(part), this.#client.Writer.create())
      return this.#explained(api.async(sending(connection, writer)) as Promise<Reply<Name>>)
    }
    return Object.assign(send, { version: api.version })
  }

  /** As {@link reach}, for an answer that is better read elsewhere: without its head, and whatever errors it tells of. */
  async reachRaw<Name extends RequestName>(broker: Broker, name: Name): Promise<SendRaw<Name>> {
    const [api, connection] = await this.#reach(broker, name)
    const raw = answeredByBytes(connection)
    const send = (...args: RequestArguments<Name>): Promise<Buffer> =>
      this.#explained(api.async(raw, ...args) as Promise<Buffer>)
    return Object.assign(send, { version: api.version })
  }

  #reach(broker: Broker, name: RequestName): Promise<[client.API<unknown[], unknown>, client.Connection]> {
    return this.#explained(
      Promise.all([
        promised<client.API<unknown[], unknown>>(done => this.#base[this.#client.kGetApi](name, done)),
        promised<client.Connection>(done => this.#base[this.#client.kGetConnection]({ ...broker }, done)),
      ]),
    )
  }

  /** How the package makes batches smaller. */
  compression(name: KafkaCompression): Compression | undefined {
    if (name === 'none') return undefined
    const known: client.CompressionAlgorithmSpecification = this.#client.compressionsAlgorithms[name]
    return { algorithm: known.bitmask, compress: known.compress ?? known.compressSync }
  }

  /** The error that the package makes of a number in an answer. */
  errorOf(code: number): Error {
    try {
      return new this.#client.ProtocolError(code)
    } catch (cause) {
      return new Error(`the broker answered error ${code}`, { cause }) // newer than the package
    }
  }

  /** Throws for an algorithm that this Node does not have. */
  readonly decompress: Decompress = (algorithm, bytes) => {
    const known = this.#client.compressionsAlgorithmsByBitmask[algorithm]
    if (known === undefined) throw new Error(`compression ${algorithm} is not known`)
    return known.decompressSync(bytes)
  }

  /** With what broke a connection meanwhile, beside the error that says only that it is closed. */
  async #explained<T>(request: Promise<T>): Promise<T> {
    this.#broken = undefined
    try {
      return await request
    } catch (error) {
      const broken: unknown = this.#broken
      const said = errorIds(error)
      const isNews = [...errorIds(broken)].some(id => !said.has(id))
      throw isNews && partialReply(error) === undefined
        ? new AggregateError([error, broken], 'the connection broke')
        : error
    }
  }

  /** Requests under way fail. The second call does nothing. */
  async close(): Promise<void> {
    if (!this.#base.closed) await this.#base.close()
  }
}

/** A request is made by `send` of a connection, which asks for its body. */
function sending(connection: client.Connection, body: client.Writer): client.Connection {
  type SendOf = client.Connection['send']
  const send = (...[key, version, _body, ...rest]: Parameters<SendOf>): void =>
    connection.send(key, version, () => body, ...rest)
  return { send } as unknown as client.Connection
}

/** Never the limit that counts: how many requests go out at once is decided by whoever sends them. */
const MAX_IN_FLIGHT = 1_024

/** A request is made by `send` of a connection, which is told how to read the answer. */
function answeredByBytes(connection: client.Connection): client.Connection {
  type SendOf = client.Connection['send']
  const send = (...[key, version, payload, _parser, ...rest]: Parameters<SendOf>): void =>
    connection.send(key, version, payload, bytesOf, ...rest)
  return { send } as unknown as client.Connection
}

const bytesOf = (_id: number, _key: number, _version: number, { buffer, position }: client.Reader): Buffer =>
  buffer.slice(position)

export type MakeLink = (limits: LinkLimits) => Link

/** Kept equal to the peer dependency in package.json. */
const VERSION = '2.12.1'

/** Loads the package, only now: an app without Kafka need not install it. */
export async function linkMaker(
  settings: ConnectionSettings,
  load: () => Promise<Client> = () => import('@platformatic/kafka'),
): Promise<MakeLink> {
  let from: Client
  try {
    from = await load()
  } catch (cause) {
    throw new HoldfastError('LOG_PACKAGE_MISSING', {
      detail: `npm install @platformatic/kafka@${VERSION}`,
      cause,
    })
  }
  return limits => new Link(from, settings, limits)
}

function promised<T>(ask: (done: (error: Error | null, answer?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, answer) => {
      if (error) reject(error)
      else resolve(answer as T)
    })
  })
}
