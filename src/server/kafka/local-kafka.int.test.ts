import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startChild } from '../../../test/harness/child.ts'
import { until } from '../../../test/harness/until.ts'
import { noOwnKafka, ownKafka } from '../../../test/kafka.ts'
import { isHoldfastError } from '../../event/index.ts'
import { identityOf, isAlive } from '../processes.ts'
import { kafkaMissing, obtainKafka } from './kafka-installation.ts'
import { startKafka } from './local-kafka.ts'

const START_MS = 300_000

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast kafka ü '))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** What a promise came to: the code and the text of its error. */
function errorOf(promise: Promise<unknown>): Promise<{ code: string; text: string }> {
  return promise.then(
    () => ({ code: 'none', text: '' }),
    (error: unknown) => ({ code: isHoldfastError(error) ? error.code : 'other', text: String(error) }),
  )
}

/** A program that answers `text`, in a folder of its own for PATH. */
function program(name: string, text: string): string {
  const path = folder()
  writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}

describe('what is there to start a Kafka from', () => {
  it('without Java it says so, and where it looked', async () => {
    const env = { PATH: '/nowhere', XDG_CACHE_HOME: folder() }
    const { code, text } = await errorOf(obtainKafka({ env }))
    expect(code).toBe('KAFKA_UNAVAILABLE')
    expect(text).toContain('needs Java 17 or newer (JAVA_HOME: not there; java on PATH: not there)')
  })

  it('a Java that is too old is told by its version', () => {
    const PATH = program('java', 'echo "openjdk 11.0.2 2019-01-15"')
    expect(kafkaMissing({ PATH })).toContain('java on PATH: version 11 is too old')
    expect(kafkaMissing({ PATH: program('java', 'exit 1') })).toContain('version 8 is too old')
  })

  it('a download that fails, or is killed half-way, is no cache', async () => {
    const java = program('java', 'echo "openjdk 17.0.15 2025-04-15"')
    const cache = folder()
    // Writes a jar where it was told to, as Maven does, and then fails as without a network.
    const half = 'for a; do case $a in -DoutputDirectory=*) : >"${a#*=}/half.jar";; esac; done'
    const mvn = program('mvn', `${half}; echo "[ERROR] Unknown host repo"; exit 1`)
    const left = join(cache, 'holdfast', 'kafka-4.1.0.new.999999999')
    mkdirSync(left, { recursive: true })
    const env = { PATH: `${java}:${mvn}:/bin:/usr/bin`, XDG_CACHE_HOME: cache }
    const { code, text } = await errorOf(obtainKafka({ env }))
    expect(code).toBe('KAFKA_UNAVAILABLE')
    expect(text).toContain('Maven could not fetch it: [ERROR] Unknown host repo')
    expect(existsSync(join(cache, 'holdfast', 'kafka-4.1.0'))).toBe(false)
    expect(existsSync(left)).toBe(false)
  })
})

describe.skipIf(noOwnKafka)('a local Kafka', () => {
  it(
    'keeps what it acknowledged over a kill, on the same ports, and leaves no process behind',
    async () => {
      const kafka = await ownKafka()
      const [node] = kafka.nodes
      if (!node?.pid) throw new Error('no node')
      await kafka.ask(admin => admin.createTopics({ topics: ['kept'], partitions: 1, replicas: 1 }))
      const producer = new Producer({ clientId: 'test', bootstrapBrokers: [kafka.brokers] })
      await producer.send({ messages: [{ topic: 'kept', value: Buffer.from('one') }], acks: -1 })
      await producer.close()
      const first = node.pid
      await node.kill()
      expect(isAlive(first)).toBe(false)
      expect(node.pid).toBeUndefined()
      await node.start()
      expect(node.pid).not.toBe(first)
      expect(kafka.brokers).toBe(node.address)
      const offsets = await kafka.tool('org.apache.kafka.tools.GetOffsetShell', [
        '--bootstrap-server',
        kafka.brokers,
        '--topic',
        'kept',
      ])
      expect(offsets).toMatchObject({ code: 0, stdout: 'kept:0:1\n' })
      const last = node.pid
      await kafka.stop()
      await kafka.stop()
      expect(isAlive(last)).toBe(false)
    },
    START_MS,
  )

  it(
    'a folder belongs to one process, a port that is taken is told with its holder, and a cluster keeps its size',
    async () => {
      const dataDir = folder()
      const kafka = await startKafka({ dataDir })
      onTestFinished(() => kafka.kill())
      expect(await errorOf(startKafka({ dataDir }))).toMatchObject({
        code: 'KAFKA_IN_USE',
        text: expect.stringContaining(String(process.pid)) as string,
      })
      await kafka.kill()
      expect((await errorOf(startKafka({ dataDir, nodes: 3 }))).text).toContain('holds a cluster of 1')
      const other = createServer()
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void other.close())
      const { port } = other.address() as AddressInfo
      expect(await errorOf(startKafka({ dataDir: folder(), port }))).toMatchObject({
        code: 'PORT_TAKEN',
        text: expect.stringMatching(new RegExp(`port ${port} .*process ${process.pid}.*--port`)) as string,
      })
    },
    START_MS,
  )

  it(
    'a node that cannot start says why, and nothing is left running',
    async () => {
      const dataDir = folder()
      const failed = await errorOf(startKafka({ dataDir, properties: { 'message.max.bytes': 'many' } }))
      expect(failed.code).toBe('KAFKA_START_FAILED')
      expect(failed.text).toContain('message.max.bytes')
      const kafka = await startKafka({ dataDir })
      await kafka.kill()
    },
    START_MS,
  )

  it.skipIf(process.platform !== 'linux')(
    'the nodes of a process that is killed end with it',
    async () => {
      const dataDir = folder()
      const module = join(import.meta.dirname, 'local-kafka.ts')
      const script = `import { startKafka } from ${JSON.stringify(module)}
        const kafka = await startKafka({ dataDir: ${JSON.stringify(dataDir)} })
        process.stdout.write('node ' + kafka.nodes[0].pid + '\\n')
        setInterval(() => {}, 1000)`
      const owner = await startChild({
        name: 'owner',
        args: ['--input-type=module-typescript', '-e', script],
      })
      const [, pid = '0'] = await owner.line(/^node (\d+)$/, START_MS)
      expect(identityOf(Number(pid))).toBeDefined()
      await owner.kill()
      await until('the node is gone', () => !isAlive(Number(pid)))
      expect(JSON.parse(readFileSync(join(dataDir, 'node-1', 'process.json'), 'utf8'))).toMatchObject({
        pid: Number(pid),
      })
    },
    START_MS,
  )
})
