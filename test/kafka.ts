import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import { kafka as kafkaLog } from '../src/drivers/kafka/index.ts'
import { isHoldfastError, silentLogger, systemClock, systemRandom } from '../src/event/index.ts'
import { kafkaMissing } from '../src/server/kafka/kafka-installation.ts'
import type { KafkaNode } from '../src/server/kafka/kafka-node.ts'
import { startKafka, type LocalKafka, type LocalKafkaOptions } from '../src/server/kafka/local-kafka.ts'
import { until } from './harness/until.ts'
import { forTests, shortLived } from './kafka-service.ts'

/** Why no Kafka can be started here; undefined where one can. For `describe.skipIf(noOwnKafka)`. */
export const noOwnKafka: string | undefined = kafkaMissing()

/** The same for tests that share one broker, which `KAFKA_BROKERS` may name. */
export const noKafka: string | undefined = process.env['KAFKA_BROKERS'] ? undefined : noOwnKafka

if (noKafka !== undefined) process.stderr.write(`skipped: ${noKafka}\n`)

export interface TestKafka {
  /** `host:port,…` of one broker without TLS; others use it too, so do not stop it. Known from `beforeAll` on. */
  readonly brokers: string
  /** A name that no other test has, for topics and groups: `name('moves')` is `moves-3f9ac1`, the same for the file. */
  name(of: string): string
}

/** The one broker of the test run, started when the first file asks. Call it at the top of a file or a `describe`. */
export function testKafka(): TestKafka {
  const mark = randomBytes(4).toString('hex')
  let brokers = ''
  beforeAll(async () => {
    const response = await fetch(inject('kafkaService'))
    const said = await response.text()
    if (!response.ok) throw new Error(said)
    brokers = said
  }, FETCH_MS)
  return {
    get brokers() {
      if (brokers === '') throw new Error('the broker is there from beforeAll on')
      return brokers
    },
    name: of => `${of}-${mark}`,
  }
}

/** The first start of all fetches it. */
const FETCH_MS = 600_000

/**
 * A broker of the test run that no other file has meanwhile, for tests that want theirs empty. It must not be killed. The
 * second function gives it back.
 */
export async function lentKafka(): Promise<{ readonly brokers: string; giveBack(): Promise<void> }> {
  const lent = `${inject('kafkaService')}/lent`
  const response = await fetch(lent, { method: 'POST', signal: AbortSignal.timeout(FETCH_MS) })
  const brokers = await response.text()
  if (!response.ok) throw new Error(brokers)
  return { brokers, giveBack: async () => void (await fetch(lent, { method: 'DELETE', body: brokers })) }
}

/** Deletes all topics and groups. Members that a killed process left behind are put out of their groups first. */
export async function emptyKafka(brokers: string): Promise<void> {
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const system = await kafkaLog({ brokers }).open(env)
  const { log, groups } = system
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(','), timeout: 3_000 })
  try {
    for (const group of await groups.list()) {
      await until(`group ${group} is gone`, async () => {
        try {
          await groups.delete(group)
          return true
        } catch (error) {
          if (!isHoldfastError(error, 'GROUP_ACTIVE')) throw error
          await admin.removeMembersFromConsumerGroup({ groupId: group, members: null })
          return undefined
        }
      })
    }
    await Promise.all((await log.topics.list()).map(topic => log.topics.delete(topic)))
  } finally {
    await admin.close()
    await system.close()
  }
}

export interface KafkaCluster extends LocalKafka {
  /** The node that leads a partition now. */
  leaderOf(topic: string, partition: number): Promise<KafkaNode>
  /** Who leads each partition of a topic now, by the ids of nodes; -1 for one that nobody leads. */
  leadersOf(topic: string): Promise<readonly number[]>
  /** The node that coordinates a group now. */
  coordinatorOf(group: string): Promise<KafkaNode>
  /** Waits until every partition of these topics has all its replicas in sync; the client says nothing of internal ones. */
  inSync(...topics: string[]): Promise<void>
  /** Asks through `use`, with the public client of the library; closed afterwards. */
  ask<T>(use: (admin: Admin) => Promise<T>): Promise<T>
}

/**
 * A cluster of this test's own, for one that kills, stops or cuts off nodes: it is gone when the test ends. Sessions of
 * brokers are short, so that a killed one is missed after 3 s and let in again soon.
 */
export async function ownKafka(options?: Partial<LocalKafkaOptions>): Promise<KafkaCluster> {
  const { cluster, end } = await startCluster(options)
  onTestFinished(end)
  return cluster
}

/** The same for all tests of a file or `describe`: call it at its top. Known from `beforeAll` on. */
export function fileKafka(options: () => Partial<LocalKafkaOptions>): { readonly cluster: KafkaCluster } {
  let started: Awaited<ReturnType<typeof startCluster>> | undefined
  beforeAll(async () => void (started = await startCluster(options())), FETCH_MS)
  afterAll(() => started?.end())
  return {
    get cluster() {
      if (!started) throw new Error('the cluster is there from beforeAll on')
      return started.cluster
    },
  }
}

async function startCluster(
  options?: Partial<LocalKafkaOptions>,
): Promise<{ readonly cluster: KafkaCluster; readonly end: () => Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-kafka-'))
  const own = { dataDir, heapMb: 256, jvm: shortLived, ...options }
  const properties = { ...forTests, ...options?.properties }
  const removed = (): void => rmSync(dataDir, { recursive: true, force: true })
  const kafka = await startKafka({ ...own, properties }).catch((error: unknown) => {
    removed()
    throw error
  })
  return { cluster: withQuestions(kafka), end: () => kafka.kill().then(removed) }
}

function withQuestions(kafka: LocalKafka): KafkaCluster {
  const nodeOf = (id: number): KafkaNode | undefined => kafka.nodes.find(node => node.id === id)
  const ask = async <T>(use: (admin: Admin) => Promise<T>): Promise<T> => {
    const up = kafka.nodes.filter(node => node.pid !== undefined).map(node => node.address)
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: up, retries: 1, timeout: 3_000 })
    try {
      return await use(admin)
    } finally {
      await admin.close()
    }
  }
  const partitions = (topics: string[]) =>
    ask(async admin => (await admin.metadata({ topics, forceUpdate: true })).topics)
  return {
    ...kafka,
    ask,
    leaderOf: (topic, partition) =>
      until(`${topic}/${partition} has a leader`, async () =>
        nodeOf((await partitions([topic])).get(topic)?.partitions[partition]?.leader ?? -1),
      ),
    leadersOf: async topic =>
      (await partitions([topic])).get(topic)?.partitions.map(({ leader }) => leader) ?? [],
    coordinatorOf: group =>
      until(`${group} has a coordinator`, async () => {
        const [found] = await ask(admin => admin.findCoordinator({ keyType: 0, keys: [group] }))
        return nodeOf(found?.nodeId ?? -1)
      }),
    inSync: async (...topics) => {
      await until(
        'all replicas are in sync',
        async () => {
          const seen = [...(await partitions(topics)).values()]
          return (
            seen.length === topics.length &&
            seen.every(({ partitions }) =>
              partitions.every(({ isr, replicas }) => isr.length === replicas.length),
            )
          )
        },
        180_000,
      )
    },
  }
}
