import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { exitCode, exitCodeOf, type ExitCode } from './exit-code.ts'
import { explainError } from './explain-error.ts'
import type { CliIo } from './io.ts'
import { describeError } from '../server/describe-error.ts'

/** Runs one command line and answers its exit code. Never throws and never ends the process. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const program = new Command('holdfast')
    .description(
      'Durable events for TypeScript: an HTTP collector, a log, and consumer groups whose effects happen once',
    )
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('(holdfast --help lists the commands)')

  program
    .command('explain-error')
    .argument('<code>', 'an error code such as LOG_FULL')
    .description('say what an error code means and what to do')
    .action((code: string) => io.out(explainError(code)))

  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode.ok
  } catch (error) {
    // commander has already written its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
    io.err(describeError(error))
    return exitCodeOf(error)
  }
}
