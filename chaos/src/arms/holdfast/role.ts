import path from 'node:path'
import type { Stage, Target } from '../../contract/arm.ts'
import type { Ports, ProcessOptions } from '../process/arm-process.ts'
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

const bin = path.join(import.meta.dirname, '../../../../bin/holdfast.js')
const module = path.join(import.meta.dirname, 'app.ts')

/** `holdfast start ROLE app.ts`, the command that users run. */
export function holdfastRole(
  name: 'collector' | 'consumers',
  { databaseUrl, dependencies, flags, folder }: Stage,
  log: string,
): ProcessOptions {
  return {
    name,
    folder,
    args: ports => [bin, 'start', name, module, '--admin-port', String(ports?.['admin'] ?? 0)],
    env: ports => ({
      ARM_DATABASE: databaseUrl,
      ARM_LOG: log,
      // Named, because it would else be that of whoever started the runner.
      HOLDFAST_PORT: String(ports?.['door'] ?? 0),
      ...(flags.has('four-groups') && { ARM_GROUPS: '4' }),
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
