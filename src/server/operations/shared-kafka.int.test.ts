import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { userProject } from '../../../test/harness/user-project.ts'
import { noSecureKafka, secureKafka } from '../../../test/secure-kafka.ts'
import { runCli } from '../../cli/program.ts'
import { kafka, type KafkaOptions } from '../../drivers/kafka/index.ts'
import { offset, silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import type { LogSystem } from '../../log/index.ts'

const TOPICS = ['mine', 'sealed', 'theirs'] as const

describe.skipIf(noSecureKafka)('a Kafka that is shared with others', () => {
  it('is shown as far as the user may look; what is left out is told with the right to grant, and the command ends well', async () => {
    const broker = await secureKafka()
    const admin = await open({ brokers: broker.brokers })
    for (const topic of TOPICS) {
      await admin.log.topics.create(topic, { partitions: 2 })
      const records = ['a', 'b', 'c'].map(key => ({ key, value: Buffer.from('{}'), headers: {} }))
      await admin.log.append(topic, records)
    }
    await admin.groups.move('my-group', [{ topic: 'mine', partition: 0, offset: offset(0) }])
    // One of another Holdfast on these brokers: its member tells what it holds, also of what only it may see.
    const joined = Promise.withResolvers<void>()
    await admin.groups.join('their-group', ['theirs'], {
      name: 'somebody',
      assigned: () => joined.resolve(),
      async revoking() {},
      lost() {},
    })
    await joined.promise

    const prefixed = ['--resource-pattern-type', 'prefixed']
    await Promise.all([
      // With its retry lanes, letters, and the decisions about groups.
      broker.allow(['ada'], '--operation', 'Read', '--topic', 'mine', '--topic', 'hf.', ...prefixed),
      broker.allow(['ada'], '--operation', 'Describe', '--topic', 'sealed', '--group', '*'),
    ])
    const login = {
      brokers: [broker.sasl],
      tls: { ca: broker.ca },
      sasl: { mechanism: 'plain', username: 'ada', password: broker.users['ada'] ?? '' },
    } as const

    // What is refused of one topic is refused of that one, whatever is asked together.
    const ada = await open(login)
    const asked = await Promise.allSettled(TOPICS.map(topic => ada.log.topics.describe(topic)))
    expect(asked).toMatchObject([
      { value: { partitions: 2 } },
      { value: { partitions: 2 } },
      {
        reason: { code: 'LOG_DENIED', detail: expect.stringContaining('Describe on topic theirs') as string },
      },
    ])

    const holdfast = commands(login)
    const theirs =
      'LOG_DENIED: cannot ask the brokers for topics: the user may not; grant Describe on topic theirs'
    const topics = await holdfast('topic', 'list', '--with-lag')
    expect(topics).toMatchObject({ code: 0 })
    expect(topics.out).toMatch(/^mine +2 +3 .* my-group \(\d\)$/m)
    expect(topics.out).toMatch(/^sealed +2 +3 /m)
    expect(topics.out).not.toContain('theirs')
    expect(topics.err).toContain(`not shown, as 1 could not be looked at:\n  topic theirs: ${theirs}`)

    const groups = await holdfast('group', 'list')
    expect(groups).toMatchObject({ code: 0 })
    expect(groups.out).toMatch(/^my-group +empty /m)
    expect(groups.err).toContain(`not shown, as 1 could not be looked at:\n  group their-group: ${theirs}`)

    const found = await holdfast('event', 'find', '--key', 'a')
    expect(found).toMatchObject({ code: 0 })
    expect(found.out).toMatch(/ mine\/\d offset \d+ +a$/m)
    expect(found.err).toMatch(
      /events of 1 partitions could not be read:\n {2}sealed\/\d: LOG_DENIED: .*grant Read on topic sealed/,
    )
    const named = await holdfast('event', 'find', '--key', 'a', '--topic', 'sealed')
    expect(named).toMatchObject({ code: 6, out: '' })

    const explained = await holdfast('explain', 'nobody')
    expect(explained.out).toMatch(/ sealed\/\d offsets 0 to \d+ \(LOG_DENIED: /)

    // A check of all must not say that all is well when it does not know.
    const limits = ['--warn', '10', '--crit', '20']
    expect(await holdfast('check', 'lag', ...limits)).toMatchObject({ code: 1, out: '' })
    expect(await holdfast('check', 'lag', '--group', 'my-group', ...limits)).toMatchObject({ code: 0 })
  }, 300_000)
})

async function open(options: KafkaOptions): Promise<LogSystem> {
  const driver = kafka({ ...options, replication: { factor: 1 } })
  const system = await driver.open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  onTestFinished(() => system.close())
  return system
}

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The commands of somebody whose app logs in so. */
function commands(login: KafkaOptions): (...args: readonly string[]) => Promise<Ran> {
  const cwd = userProject({
    'shop.ts': `import { app, kafka } from 'holdfast'\nexport default app({ name: 'shop', log: kafka(${JSON.stringify(login)}) })`,
  })
  return async (...args) => {
    let [out, err] = ['', '']
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text), env: {} }
    const code = await runCli([...args, '--app', join(cwd, 'shop.ts')], io)
    return { code, out, err }
  }
}
