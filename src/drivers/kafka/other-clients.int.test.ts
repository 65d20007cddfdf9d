import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { noOwnKafka, testKafka } from '../../../test/kafka.ts'
import { offset, silentLogger, systemClock, systemRandom, type LogRecord } from '../../event/index.ts'
import type { Log } from '../../log/index.ts'
import { obtainKafka } from '../../server/kafka/kafka-installation.ts'
import { runKafkaTool, type ToolOptions, type ToolRun } from '../../server/kafka/kafka-tool.ts'
import { openKafka, type KafkaSystem } from './kafka.ts'
import { resolveKafkaOptions } from './options.ts'

const noKcat = spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed'

const headers = { ce_specversion: '1.0', ce_id: 'e1', ce_type: 'placed', ce_source: 'shop/ü' }

describe.skipIf(noOwnKafka)('beside other clients of the same Kafka', () => {
  const kafka = testKafka()
  const tool = async (...[main, args, options]: ToolCall): Promise<ToolRun> =>
    runKafkaTool(await obtainKafka(), main, args, options)

  it('the console consumer of Java reads our records with key and headers, and we read those of its producer', async () => {
    const { brokers } = kafka
    await withLog(brokers, async ({ log }) => {
      await append(log, kafka.name('to-java'))
      const read = await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
        ...at(brokers, kafka.name('to-java'), 'print.key=true', 'print.headers=true'),
        '--from-beginning',
        '--max-messages',
        '1',
      ])
      expect(read.stdout.split('\n')[0]?.split('\t')).toEqual([
        Object.entries(headers)
          .map(([name, value]) => `${name}:${value}`)
          .join(','),
        'ada',
        '{"cents":1200}',
      ])
      await create(log, kafka.name('from-java'))
      const input = 'ce_id:j1,ce_type:placed\tbob\t{"cents":7}\n'
      const sent = await tool(
        'org.apache.kafka.tools.ConsoleProducer',
        at(brokers, kafka.name('from-java'), 'parse.key=true', 'parse.headers=true'),
        { input },
      )
      expect(sent).toMatchObject({ code: 0 })
      expect(await firstOf(log, kafka.name('from-java'))).toMatchObject({
        key: 'bob',
        headers: { ce_id: 'j1', ce_type: 'placed' },
      })
    })
  })

  it.skipIf(noKcat)(
    'kcat reads our records with their headers, and we read those that it writes',
    async () => {
      const { brokers } = kafka
      await withLog(brokers, async ({ log }) => {
        await append(log, kafka.name('to-kcat'))
        const read = await kcat(brokers, '-C', '-t', kafka.name('to-kcat'), '-e', '-J')
        expect(JSON.parse(read)).toMatchObject({
          key: 'ada',
          payload: '{"cents":1200}',
          headers: Object.entries(headers).flat(),
        })
        await create(log, kafka.name('from-kcat'))
        const write = [
          '-P',
          '-t',
          kafka.name('from-kcat'),
          '-k',
          'carl',
          '-H',
          'ce_id=k1',
          '-H',
          'ce_type=placed',
        ]
        await kcat(brokers, ...write, '{"cents":9}')
        const got = await firstOf(log, kafka.name('from-kcat'))
        expect(got).toMatchObject({ key: 'carl', headers: { ce_id: 'k1', ce_type: 'placed' } })
        expect(Buffer.from(got?.value ?? '').toString()).toBe('{"cents":9}')
      })
    },
  )
})

type ToolCall = [main: string, args: readonly string[], options?: ToolOptions]

async function withLog(brokers: string, use: (system: KafkaSystem) => Promise<void>): Promise<void> {
  const options = resolveKafkaOptions({ brokers: brokers.split(','), replication: { factor: 1 } })
  const env = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const system = await openKafka(options, env)
  try {
    await use(system)
  } finally {
    await system.close()
  }
}

/** What both of Java's programs are told. */
function at(brokers: string, topic: string, ...properties: readonly string[]): string[] {
  return ['--bootstrap-server', brokers, '--topic', topic, ...properties.flatMap(one => ['--property', one])]
}

async function create(log: Log, topic: string): Promise<void> {
  await log.topics.create(topic, { partitions: 1 })
}

async function append(log: Log, topic: string): Promise<void> {
  await create(log, topic)
  const [outcome] = await log.append(topic, [{ key: 'ada', value: Buffer.from('{"cents":1200}'), headers }])
  expect(outcome).toMatchObject({ kind: 'appended', position: { offset: offset(0) } })
}

async function firstOf(log: Log, topic: string): Promise<LogRecord | undefined> {
  const from = { topic, partition: 0, offset: offset(0) }
  const limits = { maxRecords: 10, maxBytes: 1_000_000, waitMs: 30_000 }
  const { records } = await log.read(from, limits, new AbortController().signal)
  expect(records).toHaveLength(1)
  return records[0]
}

async function kcat(brokers: string, ...args: readonly string[]): Promise<string> {
  // What it writes, it reads from its input, which ends here.
  const payload = args.at(-1) ?? ''
  const producing = args[0] === '-P'
  const run = promisify(execFile)('kcat', ['-b', brokers, ...(producing ? args.slice(0, -1) : args)])
  run.child.stdin?.end(producing ? payload : '')
  return (await run).stdout
}
