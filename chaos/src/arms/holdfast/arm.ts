import path from 'node:path'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import type { ArmLog } from '../arm-log.ts'
import { leftInLog } from '../left-in-log.ts'
import { startAll } from '../started.ts'
import { POSITIONS, storedLocations } from '../store.ts'
import { createSums, sumsOfMore } from './more-groups.ts'
import { holdfastRole, locationsTarget } from './role.ts'
import { isSpoolEmpty, readStatus } from './status.ts'

export const holdfast: Arm = {
  name: 'holdfast',
  title: 'Holdfast',
  description:
    'examples/drivers as it is: 202 once the event is in a log on disk; a second process with two consumer groups writes the rows.',
  flags: { 'four-groups': 'two more consumer groups read the same events and keep a sum each' },
  needs: [],
  start: stage => startHoldfast(stage, { folder: path.join(stage.folder, 'log') }),
}

/** The twin of `naive-kafkajs`. */
export const holdfastKafka: Arm = {
  ...holdfast,
  name: 'holdfast-kafka',
  title: 'Holdfast on Kafka',
  description: 'The same, with a Kafka for the log: one line of its configuration is another.',
  needs: ['kafka'],
  start: stage =>
    startHoldfast(stage, { folder: path.join(stage.folder, 'log'), brokers: stage.dependencies['kafka'] }),
}

/** Collector and consumers are two processes on one log, so that a fault can hit either. */
async function startHoldfast(stage: Stage, log: ArmLog): Promise<RunningArm> {
  const four = stage.flags.has('four-groups')
  await createTables(stage.databaseUrl)
  if (four) await createSums(stage.databaseUrl)
  const started = await startAll(
    stage.signal,
    () => holdfastRole('collector', stage, log),
    () => holdfastRole('consumers', stage, log),
  )
  const statusUrl = `http://127.0.0.1:${started.port('consumers', 'admin')}/status.json`
  const status = () => readStatus(statusUrl, 'positions')
  const collector = `http://127.0.0.1:${started.port('collector', 'admin')}`
  return {
    target: locationsTarget(started.port('collector', 'door')),
    services: started.services,
    table: POSITIONS,
    sample: async () => (await status())?.sample ?? {},
    // What a collector keeps while the log is away is behind nobody yet, so it is looked at first.
    isDrained: async () => (await isSpoolEmpty(collector)) && ((await status())?.drained ?? false),
    async evidence() {
      const evidence = await storedLocations(stage.databaseUrl)
      const stored = new Set(evidence.rows.map(({ id }) => id))
      const more = four ? await sumsOfMore(stage.databaseUrl) : []
      return {
        ...evidence,
        aggregates: [...(evidence.aggregates ?? []), ...more],
        ...(await leftInLog({ log, topic: 'locations', group: 'positions' }, stored)),
      }
    },
    stop: () => started.stop(),
  }
}
