// `npm run kafka`: a real Apache Kafka for development, on this machine only, until Ctrl-C.
//   npm run kafka -- [--nodes 3] [--port 9092] [--data FOLDER] [--reset] [--fetch]
import { setTimeout as sleep } from 'node:timers/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { HoldfastError } from '../src/event/index.ts'
import { describeError } from '../src/server/describe-error.ts'
import { endWithParent } from '../src/server/end-with-parent.ts'
import { dockerKafka } from '../src/server/kafka/docker-kafka.ts'
import { kafkaAnswers } from '../src/server/kafka/kafka-answers.ts'
import { kafkaMissing, obtainKafka } from '../src/server/kafka/kafka-installation.ts'
import type { KafkaNode } from '../src/server/kafka/kafka-node.ts'
import { removeKafka, startKafka, type LocalKafka } from '../src/server/kafka/local-kafka.ts'
import { outliveReaders } from '../src/server/outlive-readers.ts'
import { processLogger } from '../src/server/process-logger.ts'
import { stopSignals } from '../src/server/stop-signals.ts'

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
/** How long a node stays down that was killed: long enough to see what happens then. */
const DOWN_MS = 10_000

// From the first moment on: a broker that is just starting must not outlive a Ctrl-C.
const signals = stopSignals()
endWithParent()
outliveReaders()
const logger = processLogger({ to: process.stderr, now: Date.now })
const stopping = new AbortController()
void signals.first.then(() => stopping.abort())

process.exit(
  await start(process.argv.slice(2)).catch((error: unknown) => {
    if (stopping.signal.aborted) return 130
    process.stderr.write(describeError(error))
    return 1
  }),
)

interface Wishes {
  readonly nodes: number
  readonly port: number
  readonly dataDir: string
  readonly reset: boolean
  /** Only fetch it, for a machine that will have no network. */
  readonly fetch: boolean
}

async function start(args: readonly string[]): Promise<number> {
  const wishes = readWishes(args)
  if (wishes.fetch) {
    await obtainKafka({ logger, signal: stopping.signal })
    return 0
  }
  const given = process.env['KAFKA_BROKERS']
  if (given) return await useGiven(given)
  const missing = kafkaMissing()
  if (missing !== undefined) return await inDocker(wishes, missing)
  if (wishes.reset) await removeKafka(wishes.dataDir, logger)
  const kafka = await startKafka({ ...wishes, logger, signal: stopping.signal })
  // The second Ctrl-C: nothing is waited for any more.
  void signals.second.then(() => kafka.kill())
  process.stdout.write(banner(kafka, wishes))
  await Promise.all(kafka.nodes.map(keep))
  await kafka.stop()
  return 0
}

function readWishes(args: readonly string[]): Wishes {
  const options = { nodes: text, port: text, data: text, reset: flag, fetch: flag } as const
  const { values } = parse(() => parseArgs({ args: [...args], options }))
  const nodes = wholeNumber('--nodes', values.nodes ?? '1', 9)
  return {
    nodes,
    port: wholeNumber('--port', values.port ?? '9092', 65_000),
    dataDir: values.data ?? (nodes === 1 ? '.holdfast/kafka' : `.holdfast/kafka-${nodes}`),
    reset: values.reset ?? false,
    fetch: values.fetch ?? false,
  }
}

function parse<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const usage = 'npm run kafka -- [--nodes 3] [--port 9092] [--data FOLDER] [--reset] [--fetch]'
    throw new HoldfastError('CONFIG_INVALID', { detail: `${(error as Error).message}; usage: ${usage}` })
  }
}

function wholeNumber(name: string, value: string, most: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 1 && number <= most) return number
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `${name} must be a whole number from 1 to ${most}, got ${value}`,
  })
}

/** Nothing is started where there is one already. */
async function useGiven(brokers: string): Promise<number> {
  const first = /^(?<host>[^,]+):(?<port>\d+)/.exec(brokers.trim())?.groups
  const answers = first && (await kafkaAnswers(first['host'] ?? '', Number(first['port']), 5_000))
  process.stdout.write(
    `KAFKA_BROKERS=${brokers} is set, so nothing is started; its first broker ` +
      `${answers ? 'answers' : 'does not answer without TLS'}. Unset it for a Kafka of this project's own.\n`,
  )
  return answers ? 0 : 1
}

async function inDocker({ nodes, port, reset }: Wishes, missing: string): Promise<number> {
  const kafka = await dockerKafka({ nodes, port, reset, missing, signal: stopping.signal })
  process.stdout.write(
    `Apache Kafka ${kafka.version} in Docker, container ${kafka.container} (${missing}).\n\n${next(kafka.brokers)}`,
  )
  await Promise.race([kafka.exited, signals.first])
  await kafka.stop()
  return stopping.signal.aborted ? 0 : 1
}

/** Until the end is asked for, one that ends is started again. */
async function keep(node: KafkaNode): Promise<void> {
  for (;;) {
    const { pid } = node
    await Promise.race([node.exited, signals.first])
    if (stopping.signal.aborted) return
    logger.warn({ pid }, `node ${node.id} has ended; it is started again in ${DOWN_MS / 1_000} s`)
    await sleep(DOWN_MS, undefined, { signal: stopping.signal }).catch(() => {})
    if (stopping.signal.aborted) return
    await node.start().then(
      () => logger.info({ pid: node.pid }, `node ${node.id} is up again`),
      (error: unknown) => logger.error({ err: error }, `node ${node.id} does not start`),
    )
  }
}

function banner(kafka: LocalKafka, { dataDir, nodes }: Wishes): string {
  const pids = kafka.nodes.map(({ id, address, pid }) => `  node ${id}  ${address}  pid ${pid}\n`).join('')
  const safe =
    nodes < 3
      ? 'One node: an accepted event survives its process, not its disk. `--nodes 3` gives replicas.'
      : 'Topics get three replicas, of which two must have an event before it is accepted; kill -9 one and look.'
  return (
    `Apache Kafka ${kafka.version}, data in ${dataDir}, kept for the next start (--reset deletes them).\n${pids}\n` +
    `${next(kafka.brokers)}${safe}\nCtrl-C stops it.\n`
  )
}

function next(brokers: string): string {
  return (
    `  export KAFKA_BROKERS=${brokers}\n\n` +
    'With that, an app takes `log: kafka({ brokers: process.env.KAFKA_BROKERS })`, `npm start` runs the example on it, and ' +
    '`npm test` uses it.\n'
  )
}
