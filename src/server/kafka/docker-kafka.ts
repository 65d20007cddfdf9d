import { spawn, spawnSync } from 'node:child_process'
import { HoldfastError } from '../../event/index.ts'
import { kafkaAnswers } from './kafka-answers.ts'
import { KAFKA_VERSION } from './kafka-installation.ts'
import { setTimeout as wait } from 'node:timers/promises'

export interface DockerKafka {
  readonly brokers: string
  readonly container: string
  readonly version: string
  readonly exited: Promise<void>
  stop(): Promise<void>
}

export interface DockerKafkaOptions {
  readonly nodes: number
  readonly port: number
  /** Whether what the volume holds is deleted first. */
  readonly reset: boolean
  /** Why Docker is asked at all, for people. */
  readonly missing: string
  readonly signal: AbortSignal
}

const START_TIMEOUT_MS = 120_000

/** One node from the project's own image, for a machine without Java. Errors: `KAFKA_UNAVAILABLE`, `KAFKA_START_FAILED`. */
export async function dockerKafka({
  nodes,
  port,
  reset,
  missing,
  signal,
}: DockerKafkaOptions): Promise<DockerKafka> {
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).status !== 0)
    throw new HoldfastError('KAFKA_UNAVAILABLE', { detail: `${missing}, and Docker does not run either` })
  if (nodes !== 1) {
    throw new HoldfastError('KAFKA_UNAVAILABLE', {
      detail: `${missing}, and in Docker there is one node only, not ${nodes}`,
    })
  }
  const container = `holdfast-kafka-${port}`
  if (reset) spawnSync('docker', ['volume', 'rm', container], { stdio: 'ignore' })
  const child = spawn('docker', dockerArguments(container, port), {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  let up = true
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)))
  const exited = new Promise<void>(done => {
    child.once('exit', () => done()).once('error', () => done())
  }).then(() => void (up = false))
  const stop = async (): Promise<void> => {
    if (up) spawnSync('docker', ['stop', container], { stdio: 'ignore' })
    await exited
  }
  const end = performance.now() + START_TIMEOUT_MS
  while (up && performance.now() < end && !signal.aborted) {
    if (await kafkaAnswers('127.0.0.1', port, 2_000))
      return { brokers: `127.0.0.1:${port}`, container, version: KAFKA_VERSION, exited, stop }
    await wait(200)
  }
  await stop()
  throw new HoldfastError('KAFKA_START_FAILED', { detail: `docker: ${said.trim() || 'it did not answer'}` })
}

/** Data in a volume of the container's name. The same settings as a node that Java starts here. */
export function dockerArguments(container: string, port: number): string[] {
  const settings = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@127.0.0.1:29093',
    KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:29093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
    KAFKA_LOG_DIRS: '/var/lib/kafka/data',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
  }
  const variables = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const volume = ['-v', `${container}:/var/lib/kafka/data`]
  return [
    'run',
    '--rm',
    '--name',
    container,
    '-p',
    `127.0.0.1:${port}:${port}`,
    ...volume,
    ...variables,
    `apache/kafka:${KAFKA_VERSION}`,
  ]
}
