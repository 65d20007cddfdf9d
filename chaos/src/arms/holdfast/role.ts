import path from 'node:path'
import type { Stage, Target } from '../../contract/arm.ts'
import type { ProcessOptions } from '../process/arm-process.ts'
import type { ArmLog } from '../arm-log.ts'
import { holdfastStart, type HoldfastStart } from '../process/holdfast-start.ts'
import { location } from '../store.ts'

/** The collector of examples/drivers as it is found at `port`. */
export function locationsTarget(port: number): Target {
  return {
    url: `http://127.0.0.1:${port}/v1/topics/locations/events`,
    headers: { 'x-api-key': 'pk_demo', 'content-type': 'application/json' },
    ...location,
    attempts: 1,
  }
}

const module = path.join(import.meta.dirname, 'app.ts')

/** A process of examples/drivers. */
export function holdfastRole(
  role: HoldfastStart['role'],
  { databaseUrl, dependencies, flags, folder }: Stage,
  { folder: log, brokers }: ArmLog,
): ProcessOptions {
  return holdfastStart({
    role,
    module,
    folder,
    env: {
      ARM_DATABASE: databaseUrl,
      ARM_LOG: log,
      ...(brokers !== undefined && { ARM_BROKERS: brokers }),
      ...(flags.has('four-groups') && { ARM_GROUPS: '4' }),
      ...(dependencies['cache'] !== undefined && { ARM_CACHE: dependencies['cache'] }),
    },
  })
}
