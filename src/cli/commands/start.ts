import type { Command } from 'commander'
import { portSetting } from '../../server/port-setting.ts'
import { dev } from '../dev.ts'
import type { CliIo } from '../io.ts'
import { roleAndFile, start, type StartOptions } from '../start.ts'
import { watchDev } from '../watch-dev.ts'
import { port } from './options.ts'

/** `start` and `dev`: to run an app. */
export function addStart(program: Command, io: CliIo, ended: (code: number) => void): void {
  program
    .command('start')
    .usage('[options] [collector|consumers|relay|all] <app>')
    .argument('<role-or-app>', 'what this process does of the app (default: all), or the app')
    .argument('[app]', 'a module whose default export is an app')
    .option('--admin-port <port>', 'port of the status page (default: HOLDFAST_ADMIN_PORT or 4310)', port)
    .description(
      'run an app until Ctrl-C: first one drains, second one ends at once; HOLDFAST_PORT is the port of its collector',
    )
    .action(async (first: string, second: string | undefined, options: StartOptions) => {
      ended(await start(roleAndFile(first, second), portsOf(options, io), io))
    })

  program
    .command('dev')
    .argument('<app>', 'a module whose default export is an app')
    .option('--admin-port <port>', 'port of the status page (default: HOLDFAST_ADMIN_PORT or 4310)', port)
    .option('--no-watch', 'do not start again when a file beside the app changes')
    .description(
      'run an app as one process, print each event with its path and time, and start again at every change',
    )
    .action(async (file: string, { watch, ...options }: StartOptions & { readonly watch: boolean }) => {
      const ports = portsOf(options, io)
      ended(watch ? await watchDev(file, ports, io) : await dev(file, ports, io))
    })
}

function portsOf({ adminPort }: StartOptions, { env }: CliIo): StartOptions {
  return {
    adminPort: adminPort ?? portSetting(env, 'HOLDFAST_ADMIN_PORT', undefined),
    port: portSetting(env, 'HOLDFAST_PORT', undefined),
  }
}
