import process from 'node:process'
import { tokensFrom } from '../server/access.ts'
import type { AdminServerOptions } from '../server/admin-server.ts'
import type { App, Role } from '../server/app.ts'
import { processLogger } from '../server/process-logger.ts'
import { run } from '../server/run.ts'
import { version } from '../version.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { loadApp } from './load-app.ts'

/** The two ports of a process; each has an own default where it is undefined. */
export interface StartOptions {
  readonly adminPort?: number | undefined
  /** Of the collector: `HOLDFAST_PORT`. */
  readonly port?: number | undefined
}

const roleNames = ['collector', 'consumers', 'relay', 'all'] as const
type RoleName = (typeof roleNames)[number]

/** Where collector and consumers are two processes, the consumers, which have the database, move the outbox as well. */
const rolesOf: Readonly<Record<RoleName, readonly Role[]>> = {
  collector: ['collector'],
  consumers: ['consumers', 'relay'],
  relay: ['relay'],
  all: ['collector', 'consumers', 'relay'],
}

/** The role and the file of `start [role] <app>`. One word is the file. */
export function roleAndFile(first: string, second: string | undefined): { role: RoleName; file: string } {
  if (second === undefined) return { role: 'all', file: first }
  const role = roleNames.find(name => name === first)
  if (role === undefined) {
    throw new CliError(`there is no role ${first}`, exitCode.usage, {
      next: `holdfast start ${roleNames.join('|')} ${second}`,
    })
  }
  return { role, file: second }
}

/** Runs the app that `file` exports as its default, in one role, until a signal ends it; answers the exit code. */
export async function start(
  { role, file }: { readonly role: RoleName; readonly file: string },
  { adminPort, port }: StartOptions,
  io: CliIo,
): Promise<number> {
  const app = await loadApp(file)
  refuseIdle(app, role)
  const logger = processLogger({ to: process.stderr, now: Date.now })
  const door = { port, setBy: 'HOLDFAST_PORT' }
  const { adminUrl, ended } = await run(app, {
    roles: rolesOf[role],
    admin: adminOf(adminPort, io),
    door,
    logger,
  })
  io.err(announcement(app, role, adminUrl))
  return ended
}

/** Where the admin side listens and who may use it: `HOLDFAST_ADMIN_HOST`, `HOLDFAST_ADMIN_TOKENS`. */
export function adminOf(port: number | undefined, { env }: Pick<CliIo, 'env'>): AdminServerOptions {
  return {
    port,
    host: env['HOLDFAST_ADMIN_HOST'] || undefined,
    tokens: tokensFrom(env['HOLDFAST_ADMIN_TOKENS']),
  }
}

/** The one line that says what runs and where. */
export function announcement(app: App<boolean>, role: RoleName, adminUrl: string): string {
  const door = rolesOf[role].includes('collector') ? doorUrl(app) : undefined
  const parts = [
    `app ${app.name}${role === 'all' ? '' : `, ${role} only`}`,
    ...(door === undefined ? [] : [`collector ${door}`]),
    `status ${adminUrl}`,
  ]
  return `Holdfast ${version}  ${parts.join('  ')}\n`
}

/** Undefined for an app without a collector, and for one that mounts it in a server of its own. */
function doorUrl(app: App<boolean>): string | undefined {
  const { collector } = app.declared
  if (collector === undefined || app.door.port === undefined) return undefined
  const host = collector.host ?? '127.0.0.1'
  return `http://${host.includes(':') ? `[${host}]` : host}:${app.door.port}`
}

/** A process that would do nothing is a mistake: it would look well and take nothing. */
function refuseIdle({ name, declared }: App<boolean>, role: RoleName): void {
  const missing = {
    collector: declared.collector === undefined && 'app.collector()',
    consumers: declared.groups.length === 0 && 'app.consumer()',
    relay: declared.db === undefined && 'db: postgres(url) among the options of app()',
    all: false as const,
  }[role]
  if (missing === false) return
  throw new CliError(`app ${name} has nothing to do as ${role}`, exitCode.usage, {
    next: `Declare it with ${missing} before the module exports the app.`,
  })
}
