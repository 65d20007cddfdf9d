import path from 'node:path'
import process from 'node:process'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { contextNamed, readContexts } from './contexts.ts'
import { readProject } from './project-file.ts'

/** What a command line says about whom to ask. */
export interface TargetOptions {
  readonly url?: string | undefined
  readonly token?: string | undefined
  readonly log?: string | undefined
  readonly app?: string | undefined
  readonly context?: string | undefined
}

export type Origin = 'flag' | 'environment' | 'project file' | 'context' | 'default'

/** Whom a command of operations asks: a running process, or the log itself. */
export type Target =
  | {
      readonly kind: 'process'
      readonly url: string
      readonly token: string | undefined
      /** The context that named it, where one did. */
      readonly context: string | undefined
      readonly origin: Origin
    }
  | {
      readonly kind: 'log'
      readonly folder: string
      /** The module of an app: its log is meant, where no folder was given by a flag. */
      readonly app: string | undefined
      readonly origin: Origin
    }

/**
 * The nearest that says something wins: flag, environment, project file, current context, default. A token of a context
 * goes to the address of that context and nowhere else.
 */
export function targetOf(options: TargetOptions, io: Pick<CliIo, 'env' | 'cwd'>): Target {
  refuseSeveral(options)
  const { env } = io
  const token = options.token ?? (env['HOLDFAST_TOKEN'] || undefined)
  const asProcess = (url: string, origin: Origin): Target => ({
    kind: 'process',
    url,
    token,
    context: undefined,
    origin,
  })
  const byContext = (name: string, origin: Origin): Target => {
    const context = contextNamed(name, io)
    return { kind: 'process', url: context.url, token: token ?? context.token, context: name, origin }
  }
  if (options.url !== undefined) return asProcess(options.url, 'flag')
  if (options.context !== undefined) return byContext(options.context, 'flag')
  if (options.log !== undefined || options.app !== undefined) return logTarget(options, io)
  if (env['HOLDFAST_URL']) return asProcess(env['HOLDFAST_URL'], 'environment')
  if (!env['HOLDFAST_DATA'] && !env['HOLDFAST_APP']) {
    const { context, log } = readProject(io.cwd ?? process.cwd())
    if (context !== undefined) return byContext(context, 'project file')
    const { current } = log === undefined ? readContexts(io) : {}
    if (current !== undefined) return byContext(current, 'context')
  }
  return logTarget({}, io)
}

/** The log that a command means: a folder, or that of an app. */
export function logTarget(
  { log: given, app: named }: Pick<TargetOptions, 'log' | 'app'>,
  io: Pick<CliIo, 'env' | 'cwd'>,
): Target & { kind: 'log' } {
  const app = named ?? (io.env['HOLDFAST_APP'] || undefined)
  const at = (folder: string, origin: Origin): Target & { kind: 'log' } => ({
    kind: 'log',
    folder,
    app,
    origin:
      given === undefined && app !== undefined ? (named === undefined ? 'environment' : 'flag') : origin,
  })
  if (given !== undefined) return at(given, 'flag')
  const data = io.env['HOLDFAST_DATA']
  if (data) return at(path.join(data, 'log'), 'environment')
  const { log } = readProject(io.cwd ?? process.cwd())
  if (log !== undefined) return at(log, 'project file')
  return at(path.join('.holdfast', 'log'), 'default')
}

function refuseSeveral({ url, context, log, app }: TargetOptions): void {
  const named = Object.entries({ '--url': url, '--context': context, '--log': log, '--app': app }).flatMap(
    ([name, value]) => (value === undefined ? [] : [name]),
  )
  if (named.length < 2 || named.join() === '--log,--app') return
  throw new CliError(`${named.join(' and ')} name different things to ask`, exitCode.usage, {
    next: 'Give one of them: a running process knows its app and its log.',
  })
}
