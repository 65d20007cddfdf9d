import path from 'node:path'
import type { Ports, ProcessOptions } from './arm-process.ts'

/** Options of a process that runs a module of ours with one JSON argument and tells its ports by `tellUp`. */
export function ownModule({
  name,
  module,
  settings,
  folder,
}: {
  readonly name: string
  /** Absolute. */
  readonly module: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly folder: string
}): ProcessOptions {
  return {
    name,
    folder,
    args: ports => [
      '--conditions=holdfast-source',
      path.resolve(module),
      JSON.stringify({ ...settings, port: 0, ...ports }),
    ],
    up: line => {
      const [, json] = /^up (\{.*\})$/.exec(line) ?? []
      return json === undefined ? undefined : (JSON.parse(json) as Ports)
    },
  }
}
