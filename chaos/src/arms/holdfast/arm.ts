import path from 'node:path'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage, Target } from '../../contract/arm.ts'
import type { Ports, ProcessOptions } from '../process/arm-process.ts'
import { startAll } from '../started.ts'
import { location, POSITIONS, storedLocations } from '../store.ts'
import { leftInLog } from '../left-in-log.ts'
import { readStatus } from './status.ts'

export const holdfast: Arm = {
  name: 'holdfast',
  title: 'Holdfast',
  description:
    'examples/drivers as it is: 202 once the event is in a log on disk; a second process with two consumer groups writes the rows.',
  flags: {},
  needs: [],
  start: startHoldfast,
}

/** Collector and consumers are two processes on one log, so that a fault can hit either. */
async function startHoldfast(stage: Stage): Promise<RunningArm> {
  await createTables(stage.databaseUrl)
  const log = path.join(stage.folder, 'log')
  const started = await startAll(
    stage.signal,
    () => holdfastRole('collector', stage, log),
    () => holdfastRole('consumers', stage, log),
  )
  const statusUrl = `http://127.0.0.1:${started.port('consumers', 'admin')}/status.json`
  return {
    target: locationsTarget(started.port('collector', 'door')),
    services: started.services,
    table: POSITIONS,
    sample: async () => (await readStatus(statusUrl))?.sample ?? {},
    isDrained: async () => (await readStatus(statusUrl))?.drained ?? false,
    async evidence() {
      const evidence = await storedLocations(stage.databaseUrl)
      const stored = new Set(evidence.rows.map(({ id }) => id))
      return {
        ...evidence,
        ...(await leftInLog({ folder: log, topic: 'locations', group: 'positions' }, stored)),
      }
    },
    stop: () => started.stop(),
  }
}

/** The collector of examples/drivers as it is found at `port`. */
export function locationsTarget(port: number): Target {
  return {
    url: `http://127.0.0.1:${port}/v1/topics/locations/events`,
    headers: { 'x-api-key': 'pk_demo', 'content-type': 'application/json' },
    ...location,
    attempts: 1,
  }
}

const bin = path.join(import.meta.dirname, '../../../../bin/holdfast.js')
const module = path.join(import.meta.dirname, 'app.ts')

/** `holdfast start ROLE app.ts`, the command that users run. */
export function holdfastRole(
  name: 'collector' | 'consumers',
  { databaseUrl, dependencies, folder }: Stage,
  log: string,
): ProcessOptions {
  return {
    name,
    folder,
    args: ports => [bin, 'start', name, module, '--admin-port', String(ports?.['admin'] ?? 0)],
    env: ports => ({
      ARM_DATABASE: databaseUrl,
      ARM_LOG: log,
      ARM_PORT: String(ports?.['door'] ?? 0),
      ...(dependencies['cache'] !== undefined && { ARM_CACHE: dependencies['cache'] }),
    }),
    up: portsIn,
  }
}

/** Out of `Holdfast 0.1.0  app drivers, collector only  collector http://127.0.0.1:4300  status http://127.0.0.1:4310`. */
function portsIn(line: string): Ports | undefined {
  const [, admin] = /^Holdfast .* status http:\/\/[^ ]+:(\d+)/.exec(line) ?? []
  if (admin === undefined) return undefined
  const [, door] = /collector http:\/\/[^ ]+:(\d+)/.exec(line) ?? []
  return { admin: Number(admin), ...(door !== undefined && { door: Number(door) }) }
}
