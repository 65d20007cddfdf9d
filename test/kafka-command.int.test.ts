import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { kafkaAnswers } from '../src/server/kafka/kafka-answers.ts'
import { freePort } from '../src/server/loopback-port.ts'
import { isAlive, waitUntilGone } from '../src/server/processes.ts'
import { startChild, type Child } from './harness/child.ts'
import { noOwnKafka } from './kafka.ts'

const START_MS = 300_000

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast kafka ü '))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Child> {
  const main = join(import.meta.dirname, '../scripts/kafka.ts')
  return startChild({
    name: 'npm run kafka',
    args: ['--conditions=holdfast-source', main, ...args],
    env: { KAFKA_BROKERS: '', ...env },
  })
}

describe('npm run kafka', () => {
  test.skipIf(noOwnKafka)(
    'prints what to set, refuses a port that is taken, uses what KAFKA_BROKERS names, and ends in order',
    async () => {
      const port = String(await freePort())
      const running = await command(['--port', port, '--data', folder()])
      const [, brokers = ''] = await running.line(/^ {2}export KAFKA_BROKERS=(.*)$/, START_MS)
      expect(brokers).toBe(`127.0.0.1:${port}`)
      expect(await kafkaAnswers('127.0.0.1', Number(port), 10_000)).toBe(true)
      const [, pid = '0'] = await running.line(/^ {2}node 1 .* pid (\d+)$/)

      const second = await command(['--port', port, '--data', folder()])
      expect((await second.exited).code).toBe(1)
      expect(second.stderr.join('\n')).toMatch(
        new RegExp(`PORT_TAKEN: .*port ${port} .*process ${pid} .*--port`),
      )

      const told = await command([], { KAFKA_BROKERS: brokers })
      expect((await told.exited).code).toBe(0)
      expect(told.stdout.join('\n')).toContain('nothing is started; its first broker answers')

      expect((await running.terminate()).code).toBe(0)
      expect(await waitUntilGone([Number(pid)], 10_000)).toBe(true)
      expect(isAlive(Number(pid))).toBe(false)
    },
    START_MS,
  )

  test('without Java and Docker it says so in one sentence, and names what it takes', async () => {
    const lost = await command([], { PATH: '/nowhere', JAVA_HOME: '' })
    expect((await lost.exited).code).toBe(1)
    expect(lost.stderr[0]).toMatch(
      /^holdfast: KAFKA_UNAVAILABLE: .*Kafka needs Java 17 or newer \(.*\), and Docker does not run either$/,
    )
    const odd = await command(['--nodes', 'many'])
    expect((await odd.exited).code).toBe(1)
    expect(odd.stderr[0]).toContain('--nodes must be a whole number from 1 to 9, got many')
  })

  test('without Java it asks Docker, for one node on loopback whose data are kept, and says what Docker said', async () => {
    const path = folder()
    const asked = join(path, 'asked')
    // Takes the question, and fails as without a network.
    const program = `#!/bin/sh\n[ "$1" = version ] && exit 0\nfor a; do echo "$a" >>'${asked}'; done\necho no such host >&2\nexit 1\n`
    writeFileSync(join(path, 'docker'), program, { mode: 0o755 })
    const port = String(await freePort())
    const failed = await command(['--port', port], { PATH: path, JAVA_HOME: '' })
    expect((await failed.exited).code).toBe(1)
    expect(failed.stderr[0]).toContain('KAFKA_START_FAILED: Kafka did not start: docker: no such host')
    expect(readFileSync(asked, 'utf8').split('\n')).toEqual(
      expect.arrayContaining([
        'run',
        `127.0.0.1:${port}:${port}`,
        `holdfast-kafka-${port}:/var/lib/kafka/data`,
        `KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:${port}`,
        'apache/kafka:4.1.0',
      ]),
    )
    const three = await command(['--nodes', '3'], { PATH: path, JAVA_HOME: '' })
    expect((await three.exited).code).toBe(1)
    expect(three.stderr[0]).toContain('in Docker there is one node only, not 3')
  })
})
