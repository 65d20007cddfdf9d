import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { HoldfastError, silentLogger, type Logger } from '../../event/index.ts'
import { claimFolder, type FolderClaim } from '../folder-claim.ts'
import { portError } from '../listen.ts'
import { freePort } from '../loopback-port.ts'
import { obtainKafka, type KafkaInstallation } from './kafka-installation.ts'
import { endLeftNode, kafkaNode, type KafkaNode } from './kafka-node.ts'
import { runKafkaTool, type ToolOptions, type ToolRun } from './kafka-tool.ts'
import {
  serverProperties,
  type ClusterShape,
  type ExtraListener,
  type NodePlace,
} from './server-properties.ts'

export interface LocalKafkaOptions {
  /** Holds the nodes, their ports and their logs. Made when missing; what was killed recovers from it. */
  readonly dataDir: string
  /** Defaults to 1. From 3 on, topics have three replicas, of which two must be in sync. */
  readonly nodes?: number
  /** Of the first node, which also takes the next one; each further node the next two. Defaults to free ports, which the folder keeps. */
  readonly port?: number | undefined
  /** Heap of each node, MB. Defaults to 384; a node takes about 330 MB of memory. */
  readonly heapMb?: number
  /** Further options of Java, such as `-XX:+UseSerialGC`. */
  readonly jvm?: readonly string[]
  /** Settings of the brokers, such as `{ 'message.max.bytes': '2000000' }`. */
  readonly properties?: Readonly<Record<string, string>>
  readonly listeners?: readonly ExtraListener[]
  /** Users that the cluster begins with, for SCRAM-SHA-256 and SCRAM-SHA-512: password by name. */
  readonly users?: Readonly<Record<string, string>>
  /** Where a node lives, if not on loopback: its address, and what goes before its command. */
  readonly placeOf?: (id: number) => { readonly host: string; readonly prefix: readonly string[] }
  readonly logger?: Logger
  readonly signal?: AbortSignal | undefined
}

/** A real Kafka whose nodes are children of this process. */
export interface LocalKafka {
  /** `host:port,…`, as `KAFKA_BROKERS` takes it. */
  readonly brokers: string
  /** The same for a listener that was added. */
  brokersOf(listener: string): string
  readonly nodes: readonly KafkaNode[]
  readonly version: string
  /** Runs one of Kafka's own programs, by its class. */
  tool(mainClass: string, args: readonly string[], options?: ToolOptions): Promise<ToolRun>
  /** In order, all nodes at once. Idempotent. */
  stop(): Promise<void>
  /** SIGKILL to all nodes; resolves when they are gone. Idempotent. */
  kill(): Promise<void>
}

/**
 * Starts Apache Kafka for development and tests, and waits until every node answers. Errors: `KAFKA_UNAVAILABLE` (no
 * Java, or no way to fetch it), `KAFKA_IN_USE` (a living process owns the folder), `KAFKA_START_FAILED` (with what it
 * said), `PORT_TAKEN`, `CONFIG_INVALID`.
 */
export async function startKafka(options: LocalKafkaOptions): Promise<LocalKafka> {
  const { logger = silentLogger, nodes: count = 1 } = options
  if (!Number.isInteger(count) || count < 1 || count > MOST_NODES) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `nodes must be from 1 to ${MOST_NODES}, got ${count}`,
    })
  }
  const folder = resolve(options.dataDir)
  const kafka = await obtainKafka({ logger, signal: options.signal })
  mkdirSync(folder, { recursive: true })
  const claim = claimCluster(folder)
  try {
    await endLeftNodes(folder, logger)
    const cluster = keptCluster(folder, count)
    const nodes = await startNodes(options, { folder, kafka, cluster })
    const running = describe(nodes, kafka)
    const ended = async (how: 'stop' | 'kill'): Promise<void> => {
      await Promise.all(nodes.map(node => node[how]()))
      claim.release()
    }
    return { ...running, stop: () => ended('stop'), kill: () => ended('kill') }
  } catch (error) {
    claim.release()
    throw error
  }
}

/** Deletes a cluster with all that it holds, and ends what a killed process left running there. */
export async function removeKafka(dataDir: string, logger: Logger = silentLogger): Promise<void> {
  const folder = resolve(dataDir)
  if (!existsSync(folder)) return
  const claim = claimCluster(folder)
  try {
    await endLeftNodes(folder, logger)
    rmSync(folder, { recursive: true, force: true })
  } finally {
    claim.release()
  }
}

const MOST_NODES = 9

function describe(nodes: readonly KafkaNode[], kafka: KafkaInstallation): Omit<LocalKafka, 'stop' | 'kill'> {
  return {
    brokers: nodes.map(node => node.address).join(','),
    brokersOf: listener => nodes.map(node => node.addressOf(listener)).join(','),
    nodes,
    version: kafka.version,
    tool: (mainClass, args, options) => runKafkaTool(kafka, mainClass, args, options),
  }
}

function claimCluster(folder: string): FolderClaim {
  return claimFolder(
    join(folder, 'owner.json'),
    ({ pid }) =>
      new HoldfastError('KAFKA_IN_USE', { detail: `process ${pid} owns ${folder}`, facts: { pid } }),
  )
}

async function endLeftNodes(folder: string, logger: Logger): Promise<void> {
  for (const name of readdirSync(folder).filter(name => /^node-\d+$/.test(name))) {
    const pid = await endLeftNode(join(folder, name))
    if (pid !== undefined) logger.warn({ pid, folder }, 'stopped a Kafka that a former run left behind')
  }
}

/** What must stay the same for as long as there are data. */
interface Cluster {
  readonly id: string
  readonly nodes: number
}

function keptCluster(folder: string, nodes: number): Cluster {
  const file = join(folder, 'cluster.json')
  if (existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Cluster
    if (kept.nodes === nodes) return kept
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${folder} holds a cluster of ${kept.nodes}, and ${nodes} were asked for: choose another folder, or delete this one`,
    })
  }
  const made = { id: clusterId(), nodes }
  writeFileSync(file, JSON.stringify(made))
  return made
}

/** Never with a dash at its beginning, which Kafka's programs would take for an option. */
function clusterId(): string {
  return `h${randomBytes(16).toString('base64url').slice(1, 21)}g`
}

interface Setup {
  readonly folder: string
  readonly kafka: KafkaInstallation
  readonly cluster: Cluster
}

/** Between the choice of a free port and its use somebody else may take it: then others are chosen. */
async function startNodes(options: LocalKafkaOptions, setup: Setup): Promise<readonly KafkaNode[]> {
  for (let attempt = 1; ; attempt++) {
    const places = await choosePlaces(options, setup)
    const nodes = await prepare(options, setup, places)
    try {
      await allStarted(nodes, options.signal)
      return nodes
    } catch (error) {
      await Promise.all(nodes.map(node => node.kill()))
      const taken = options.port === undefined && /Address already in use/.test(String(error))
      if (!taken || attempt === 5) throw error
      rmSync(portsFile(setup.folder), { force: true })
    }
  }
}

/** Together: none of them answers before most of them are up. The first that fails ends the wait, and so does `signal`. */
async function allStarted(nodes: readonly KafkaNode[], signal: AbortSignal | undefined): Promise<void> {
  const giveUp = (): void => nodes.forEach(node => void node.kill())
  signal?.addEventListener('abort', giveUp)
  try {
    await Promise.all(nodes.map(node => node.start()))
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

async function choosePlaces(options: LocalKafkaOptions, { folder, cluster }: Setup): Promise<NodePlace[]> {
  const names = ['PLAINTEXT', 'CONTROLLER', ...(options.listeners ?? []).map(({ name }) => name)]
  const ports = await choosePorts(options, { folder, count: cluster.nodes * names.length })
  return Array.from({ length: cluster.nodes }, (_, i) => ({
    id: i + 1,
    host: options.placeOf?.(i + 1).host ?? '127.0.0.1',
    folder: join(folder, `node-${i + 1}`),
    ports: Object.fromEntries(names.map((name, j) => [name, ports[i * names.length + j] ?? 0])),
  }))
}

async function choosePorts(
  { port }: LocalKafkaOptions,
  { folder, count }: { readonly folder: string; readonly count: number },
): Promise<number[]> {
  if (port !== undefined) {
    const ports = Array.from({ length: count }, (_, i) => port + i)
    for (const one of ports) await refuseTaken(one)
    return ports
  }
  const kept = existsSync(portsFile(folder))
    ? (JSON.parse(readFileSync(portsFile(folder), 'utf8')) as number[])
    : []
  if (kept.length === count) return kept
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(await freePort())
  writeFileSync(portsFile(folder), JSON.stringify([...chosen]))
  return [...chosen]
}

function portsFile(folder: string): string {
  return join(folder, 'ports.json')
}

function refuseTaken(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    const options = { host: '127.0.0.1', port, setBy: '--port' }
    server.once('error', error => reject(portError(error, options)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  })
}

async function prepare(
  options: LocalKafkaOptions,
  setup: Setup,
  places: readonly NodePlace[],
): Promise<KafkaNode[]> {
  const { listeners = [], properties = {}, heapMb = 384, jvm = [] } = options
  const shape: ClusterShape = { nodes: places, listeners, properties }
  await Promise.all(
    places.map(async place => {
      mkdirSync(place.folder, { recursive: true })
      writeFileSync(join(place.folder, 'server.properties'), serverProperties(place, shape))
      await format(place, setup, options.users ?? {})
    }),
  )
  return places.map(place =>
    kafkaNode({ place, kafka: setup.kafka, heapMb, jvm, prefix: options.placeOf?.(place.id).prefix ?? [] }),
  )
}

/** A marker says that it was done to the end: a half-formatted folder is formatted again. */
async function format(
  { folder }: NodePlace,
  { kafka, cluster }: Setup,
  users: Readonly<Record<string, string>>,
): Promise<void> {
  const marker = join(folder, 'formatted')
  if (existsSync(marker)) return
  rmSync(join(folder, 'data'), { recursive: true, force: true })
  const scram = Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(mechanism => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  )
  const args = ['format', '-t', cluster.id, '-c', 'server.properties', ...scram]
  const formatting = runKafkaTool(kafka, 'kafka.tools.StorageTool', args, { cwd: folder })
  const { code, stdout, stderr } = await formatting
  if (code !== 0) {
    throw new HoldfastError('KAFKA_START_FAILED', {
      detail: `formatting ${folder} failed: ${`${stderr}\n${stdout}`.trim().slice(0, 1_000)}`,
    })
  }
  writeFileSync(marker, cluster.id)
}
