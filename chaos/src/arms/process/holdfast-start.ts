import path from 'node:path'
import type { Ports, ProcessOptions } from './arm-process.ts'

export interface HoldfastStart {
  readonly role: 'collector' | 'consumers'
  /** Absolute; exports the app as its default. */
  readonly module: string
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
}

const bin = path.join(import.meta.dirname, '../../../../bin/holdfast.js')

/** `holdfast start ROLE app.ts`, the command that users run. Tells the ports `admin` and, of a collector, `door`. */
export function holdfastStart({ role, module, env, folder }: HoldfastStart): ProcessOptions {
  return {
    name: role,
    folder,
    args: ports => [bin, 'start', role, module, '--admin-port', String(ports?.['admin'] ?? 0)],
    // The port is named, because it would else be that of whoever started the runner.
    env: ports => ({ ...env, HOLDFAST_PORT: String(ports?.['door'] ?? 0) }),
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
