import path from 'node:path'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { leftInLog } from '../left-in-log.ts'
import { startAll } from '../started.ts'
import { POSITIONS, storedLocations } from '../store.ts'
import { createSums, sumsOfMore } from './more-groups.ts'
import { holdfastRole, locationsTarget } from './role.ts'
import { readStatus } from './status.ts'

export const holdfast: Arm = {
  name: 'holdfast',
  title: 'Holdfast',
  description:
    'examples/drivers as it is: 202 once the event is in a log on disk; a second process with two consumer groups writes the rows.',
  flags: { 'four-groups': 'two more consumer groups read the same events and keep a sum each' },
  needs: [],
  start: startHoldfast,
}

/** Collector and consumers are two processes on one log, so that a fault can hit either. */
async function startHoldfast(stage: Stage): Promise<RunningArm> {
  const four = stage.flags.has('four-groups')
  await createTables(stage.databaseUrl)
  if (four) await createSums(stage.databaseUrl)
  const log = path.join(stage.folder, 'log')
  const started = await startAll(
    stage.signal,
    () => holdfastRole('collector', stage, log),
    () => holdfastRole('consumers', stage, log),
  )
  const statusUrl = `http://127.0.0.1:${started.port('consumers', 'admin')}/status.json`
  const status = () => readStatus(statusUrl, 'positions')
  return {
    target: locationsTarget(started.port('collector', 'door')),
    services: started.services,
    table: POSITIONS,
    sample: async () => (await status())?.sample ?? {},
    isDrained: async () => (await status())?.drained ?? false,
    async evidence() {
      const evidence = await storedLocations(stage.databaseUrl)
      const stored = new Set(evidence.rows.map(({ id }) => id))
      const more = four ? await sumsOfMore(stage.databaseUrl) : []
      return {
        ...evidence,
        aggregates: [...(evidence.aggregates ?? []), ...more],
        ...(await leftInLog({ folder: log, topic: 'locations', group: 'positions' }, stored)),
      }
    },
    stop: () => started.stop(),
  }
}
