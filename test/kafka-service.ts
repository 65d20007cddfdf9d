import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestProject } from 'vitest/node'
import { isHoldfastError } from '../src/event/index.ts'
import { startKafka, type LocalKafka } from '../src/server/kafka/local-kafka.ts'

/**
 * Vitest's global set-up, as that of PostgreSQL: a small service that starts brokers when test files ask for them. `GET /`
 * answers the one that all share, which `KAFKA_BROKERS` may name. `POST /lent` answers one that nobody else has until it
 * is given back by `DELETE /lent` with its address: as many as files ask at once, and each for many files.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let shared: Promise<Started> | undefined
  const lent = new Map<string, Started>()
  const free: Started[] = []
  const lend = async (): Promise<string> => {
    const kafka = free.pop() ?? (await start())
    lent.set(kafka.server.brokers, kafka)
    return kafka.server.brokers
  }
  const giveBack = async (request: IncomingMessage): Promise<string> => {
    const brokers = await text(request)
    const kafka = lent.get(brokers)
    if (kafka && lent.delete(brokers)) free.push(kafka)
    return ''
  }
  const answer = async (request: IncomingMessage): Promise<string> => {
    if (request.url === '/lent') return await (request.method === 'POST' ? lend() : giveBack(request))
    return process.env['KAFKA_BROKERS'] || (await (shared ??= start())).server.brokers
  }
  const service = createServer((request, response) => {
    answer(request).then(
      brokers => response.end(brokers),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>(done => service.listen(0, '127.0.0.1', done))
  project.provide('kafkaService', `http://127.0.0.1:${(service.address() as AddressInfo).port}`)
  return async () => {
    await new Promise(done => service.close(done))
    const first = await shared?.catch(() => undefined)
    for (const { server, folder } of [...(first ? [first] : []), ...lent.values(), ...free]) {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

interface Started {
  readonly server: LocalKafka
  readonly folder: string
}

/** Runs at the same time take folders of their own. */
async function start(): Promise<Started> {
  for (let place = 1; ; place++) {
    const folder = resolve(import.meta.dirname, `../.holdfast/test-kafka-${place}`)
    try {
      return { server: await startKafka({ dataDir: folder, jvm: shortLived, properties: forTests }), folder }
    } catch (error) {
      if (!isHoldfastError(error, 'KAFKA_IN_USE')) throw error
    }
  }
}

/** A compiler and a collector that leave the processors to the tests. */
export const shortLived: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

/** A killed broker is missed after 3 s instead of 9 and let in again as soon, and members of groups may be so impatient too. */
export const forTests: Readonly<Record<string, string>> = {
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'group.min.session.timeout.ms': '500',
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the service that starts brokers. */
    kafkaService: string
  }
}
