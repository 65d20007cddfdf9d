import path from 'node:path'
import type { Evidence } from 'holdfast/testing'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import type { ArmLog } from '../arm-log.ts'
import { holdfastRole, locationsTarget } from '../holdfast/role.ts'
import { isSpoolEmpty } from '../holdfast/status.ts'
import { leftInLog } from '../left-in-log.ts'
import { readStatus } from '../naive/read-status.ts'
import { ownModule } from '../process/own-module.ts'
import { startAll } from '../started.ts'
import { POSITIONS, storedLocations, withClient } from '../store.ts'

/** As KafkaJS has it by default. */
export const naiveKafkajs: Arm = naiveKafkajsArm({ sessionMs: 30_000 })

/** `sessionMs`: how long the brokers wait for a consumer that has died. */
export function naiveKafkajsArm({ sessionMs }: { readonly sessionMs: number }): Arm {
  return {
    name: 'naive-kafkajs',
    title: 'Kafka, naive consumer',
    description:
      "Holdfast's collector on Kafka, and a consumer as commonly published: KafkaJS, eachMessage, auto-commit, five tries in place, then a dead-letter topic.",
    flags: {
      'outage-waits': 'what fails because the database is away is tried until it is back',
      inbox: 'the id, the row and the sum are one transaction, instead of a look-up and two writes',
    },
    needs: ['kafka'],
    start: stage => startNaive(stage, sessionMs),
  }
}

async function startNaive(stage: Stage, sessionMs: number): Promise<RunningArm> {
  const { databaseUrl, folder, dependencies, flags, signal } = stage
  await createTables(databaseUrl)
  await withClient(databaseUrl, client =>
    client.query('create table if not exists drivers.inbox (id text primary key)'),
  )
  const log: ArmLog = { folder: path.join(folder, 'log'), brokers: dependencies['kafka'] }
  const settings = { databaseUrl, brokers: log.brokers, flags: [...flags], sessionMs }
  const module = path.join(import.meta.dirname, 'consumer.ts')
  const started = await startAll(
    signal,
    () => holdfastRole('collector', stage, log), // makes the topic
    () => ownModule({ name: 'consumer', module, settings, folder }),
  )
  const collector = `http://127.0.0.1:${started.port('collector', 'admin')}`
  const status = () => readStatus(`http://127.0.0.1:${started.port('consumer')}`)
  return {
    target: locationsTarget(started.port('collector', 'door')),
    services: started.services,
    table: POSITIONS,
    sample: async () => (await status()) ?? {},
    isDrained: async () => (await isSpoolEmpty(collector)) && (await status())?.lag === 0,
    evidence: () => evidenceOf(databaseUrl, log),
    stop: () => started.stop(),
  }
}

/** What it gave up is in its dead-letter topic, what waits behind its positions; neither is lost. */
async function evidenceOf(databaseUrl: string, log: ArmLog): Promise<Evidence> {
  const evidence = await storedLocations(databaseUrl)
  const stored = new Set(evidence.rows.map(({ id }) => id))
  const place = { log, topic: 'locations', group: 'positions', deadTopic: 'locations.dlq' }
  return { ...evidence, ...(await leftInLog(place, stored)) }
}
