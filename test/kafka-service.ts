import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { isHoldfastError } from '../src/event/index.ts'
import { startKafka, type LocalKafka } from '../src/server/kafka/local-kafka.ts'

/**
 * Vitest's global set-up, as that of PostgreSQL: a small service that starts one broker when the first test file asks
 * for it. `KAFKA_BROKERS` names another Kafka to use.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let kafka: Promise<Started> | undefined
  const service = createServer((_request, response) => {
    const given = process.env['KAFKA_BROKERS']
    const brokers = given ? Promise.resolve(given) : (kafka ??= start()).then(({ server }) => server.brokers)
    brokers.then(
      brokers => response.end(brokers),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>(done => service.listen(0, '127.0.0.1', done))
  project.provide('kafkaService', `http://127.0.0.1:${(service.address() as AddressInfo).port}`)
  return async () => {
    await new Promise(done => service.close(done))
    const started = await kafka?.catch(() => undefined)
    await started?.server.kill()
    if (started) rmSync(started.folder, { recursive: true, force: true })
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
    /** Address that answers the brokers of the run's Kafka. */
    kafkaService: string
  }
}
