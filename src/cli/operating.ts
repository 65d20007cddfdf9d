import { hostname, userInfo } from 'node:os'
import { Option, type Command } from 'commander'
import { parseDuration, systemClock } from '../event/index.ts'
import type { AnyOperation, Answer, Intent, Operation } from '../server/operations/operation.ts'
import { perform } from '../server/operations/perform.ts'
import { performRemotely } from '../server/operations/remote.ts'
import { CliError, exitCode, exitCodeOf } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { onLog } from './on-log.ts'
import { targetOf, type Target } from './target/target.ts'
import { formats, show, timeStyles, type ShowOptions, type View } from './show.ts'

/** Whom a command asks. */
export interface AskOptions {
  readonly url?: string
  readonly token?: string
  readonly log?: string
  /** The module of an app that does not run here: its log, its database and what it declares. */
  readonly app?: string
  /** A name that `holdfast context set` has given. */
  readonly context?: string
  readonly timeout: string
}

/** The options that every command of an operation has; the last three only where something is changed. */
export interface OperatingOptions extends AskOptions, ShowOptions {
  readonly quiet?: boolean
  readonly execute?: boolean
  readonly reason?: string
  readonly yes?: boolean
}

/** What a file of commands needs to make one of an operation. */
export interface Operating {
  readonly io: CliIo
  /** The exit code of a command that ends well, where it is not 0. */
  readonly ended: (code: number) => void
  /** Adds a command with the common options; arguments, own options and the action are the caller's to add. */
  command(parent: Command, name: string, operation: Pick<AnyOperation, 'summary' | 'effect'>): Command
  /** A command that asks and prints in its own way. */
  asking(parent: Command, name: string): Command
  /** Runs the operation in the process that was named, else on the log, and prints the answer. */
  run<In extends object, Out extends object>(
    operation: Operation<In, Out>,
    input: In,
    options: OperatingOptions,
    view: View<Answer<Out>>,
  ): Promise<void>
  /** Runs it and answers what it says, without printing. */
  ask<In extends object, Out extends object>(
    operation: Operation<In, Out>,
    input: In,
    options: AskOptions,
    intent?: Intent,
  ): Promise<Answer<Out>>
}

export function operating(io: CliIo, ended: (code: number) => void): Operating {
  const told = new Set<string>()
  const ask: Operating['ask'] = (operation, input, options, intent = {}) => {
    const target = targetOf(options, io)
    tellWhom(target, options, told, io)
    return asked(operation, input, { ...options, target }, intent, io)
  }
  return {
    io,
    ended,
    command: (parent, name, operation) => withOptions(parent.command(name), operation),
    asking: (parent, name) => withAll(parent.command(name), askOptions),
    ask,
    async run(operation, input, options, view) {
      const intent = operation.effect === 'none' ? {} : await intentOf(operation, options, io)
      const answer = await ask(operation, input, options, intent)
      io.out(show(answer, view, options, systemClock.now()))
      const isForPeople = options.output === 'table' || options.output === 'wide'
      const code = view.exit?.(answer)
      if (code !== undefined) ended(code)
      if (options.quiet === true) return
      if (isForPeople && view.empty !== undefined && view.items(answer).length === 0)
        io.err(`${view.empty}\n`)
      if (isForPeople) for (const note of view.notes?.(answer) ?? []) io.err(`${note}\n`)
      if (answer.executed === false)
        io.err(
          code === undefined
            ? 'nothing was changed; to do it: the same with --execute --reason "…"\n'
            : 'nothing was changed\n',
        )
    },
  }
}

/** On a command line `-1d` would be an option, so `1d` means a day ago as well. */
export function timeGiven(text: string): string {
  return /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text) ? `-${text}` : text
}

/** Where the log is. A folder is enough for an embedded one; one on other machines is reached as its app says. */
export const logOptions = (): readonly Option[] => [
  new Option('--log <folder>', 'the folder of the log (default: .holdfast/log, or below HOLDFAST_DATA)'),
  new Option(
    '--app <app>',
    'a module whose default export is an app that does not run here: its log, its database and what it declares (default: HOLDFAST_APP)',
  ),
]

/** Whom to ask. */
const askOptions: readonly Option[] = [
  new Option(
    '--url <url>',
    'ask the running process with this admin side (default: HOLDFAST_URL); without it the log is opened',
  ),
  new Option('--context <name>', 'ask the process that holdfast context set has given this name'),
  new Option('--token <token>', 'who asks it, where it has tokens (default: HOLDFAST_TOKEN)'),
  ...logOptions(),
  new Option('--timeout <duration>', 'how long an answer may take').default('30s'),
]

/** What is the same for all commands of operations: the page of commands says it once. */
export const commonOptions: readonly Option[] = [
  ...askOptions,
  new Option('-o, --output <format>', 'how to print').choices(formats).default('table'),
  new Option('--columns <names>', 'only these columns, with commas between'),
  new Option('--no-headers', 'without the line of column names'),
  new Option('--time <style>', 'how to print times').choices(timeStyles).default('iso'),
  new Option('--quiet', 'only the answer and errors'),
]

const reasonOption = (): Option => new Option('--reason <text>', 'why, for the audit trail')

function withOptions(
  command: Command,
  { summary, effect }: Pick<AnyOperation, 'summary' | 'effect'>,
): Command {
  withAll(command.description(summary), commonOptions)
  if (effect === 'none') return command
  if (effect === 'decision') {
    command.option('--execute', 'do it; without it, only what would be done is said')
    command.option('--yes', 'do not ask again on a terminal')
  }
  return command.addOption(reasonOption())
}

export function withAll(command: Command, options: readonly Option[]): Command {
  for (const option of options) command.addOption(option)
  return command
}

async function intentOf(
  { effect, name }: AnyOperation,
  { execute, reason, yes }: OperatingOptions,
  { ask }: CliIo,
): Promise<Intent> {
  const given = reason === undefined ? {} : { reason }
  if (effect === 'change') return given
  if (execute !== true) return { ...given, execute: false }
  const why = reason ?? (await ask?.('Why? (for the audit trail) '))
  if (why === undefined || why.trim() === '') {
    throw new CliError(`${name} needs a reason`, exitCode.usage, { next: 'Say why: --reason "ticket 7"' })
  }
  if (ask && yes !== true && !/^y(es)?$/i.test((await ask('Do it? [y/N] ')).trim()))
    throw new CliError('nothing was changed', exitCode.refused)
  return { execute: true, reason: why }
}

/** Once, where the command line does not say it: nobody should change something in a place that they did not think of. */
function tellWhom(
  target: Target,
  options: AskOptions & { quiet?: boolean },
  told: Set<string>,
  io: CliIo,
): void {
  if (target.kind !== 'process' || target.context === undefined || target.origin === 'flag') return
  if (options.quiet === true || told.has(target.url)) return
  told.add(target.url)
  io.err(`asking ${target.context} (${target.url}), by the ${target.origin}\n`)
}

async function asked<In extends object, Out extends object>(
  operation: Operation<In, Out>,
  input: In,
  options: AskOptions & { readonly target: Target },
  intent: Intent,
  io: CliIo,
): Promise<Answer<Out>> {
  const { target } = options
  const timeoutMs = parseDuration(options.timeout, '--timeout')
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    if (target.kind === 'process') {
      const { url, token } = target
      const by = `${userName()}@${hostname()}`
      return await performRemotely({ url, token, by, signal }, operation, input, intent)
    }
    return await onLog(options, io, async host => {
      const actor = { name: `${userName()}@${hostname()}`, role: 'admin' } as const
      const answer = await perform(host, { operation, input, actor, signal, ...intent })
      // A reading that was cut short looks whole.
      signal.throwIfAborted()
      return answer
    })
  } catch (error) {
    if (!signal.aborted) throw target.kind === 'process' ? unanswered(error, target.url, operation) : error
    throw new CliError(`no answer within ${options.timeout}`, exitCode.unreachable, {
      next: 'Give it longer: --timeout 5m',
      cause: error,
    })
  }
}

/** `fetch` says only that it has failed; what it wraps says whether anything can have come of it. */
function unanswered(error: unknown, url: string, { effect }: Pick<AnyOperation, 'effect'>): unknown {
  if (!(error instanceof TypeError)) return error
  const codes: unknown[] = []
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    codes.push((cause as NodeJS.ErrnoException).code)
  if (codes.some(code => code === 'UND_ERR_SOCKET' || code === 'ECONNRESET')) {
    return new CliError(`the process at ${url} went away before it had answered`, exitCode.unreachable, {
      next:
        effect === 'none'
          ? 'Say it again when it runs.'
          : 'What it was asked for may be done, wholly or in part: look before you say it again.',
      cause: error.cause,
    })
  }
  if (exitCodeOf(error) !== exitCode.unreachable) return error
  return new CliError(`nobody answers at ${url}`, exitCode.unreachable, {
    next: 'Start the process, or name its admin side: --url. Without it most commands open the log themselves.',
    cause: error.cause,
  })
}

/** Whoever may open the folder of a log may do everything with it; this is for the audit trail. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown' // an id that the system has no name for, as in containers
  }
}
