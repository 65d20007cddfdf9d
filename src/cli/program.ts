import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { addAdvise } from './commands/advise.ts'
import { addAudit } from './commands/audit.ts'
import { addCheck } from './commands/check.ts'
import { addCircuit } from './commands/circuit.ts'
import { addRetry } from './commands/retry.ts'
import { addDlq } from './commands/dlq.ts'
import { addEvent } from './commands/event.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addContext } from './commands/context.ts'
import { addDb } from './commands/db.ts'
import { addGroup } from './commands/group.ts'
import { addLog } from './commands/log.ts'
import { addOutbox } from './commands/outbox.ts'
import { addSchema } from './commands/schema.ts'
import { addSpool } from './commands/spool.ts'
import { addStart } from './commands/start.ts'
import { addTopicEvents } from './commands/topic-events.ts'
import { addTopic } from './commands/topic.ts'
import { addReplay } from './commands/replay.ts'
import { doctor, type DoctorOptions } from './doctor/doctor.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { addExperiment } from './experiment.ts'
import { explainError } from './explain-error.ts'
import type { CliIo } from './io.ts'
import { operating } from './operating.ts'
import { describeError } from '../server/describe-error.ts'

/** Runs one command line and answers its exit code. Never throws and never ends the process. */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  let code: number = exitCode.ok
  try {
    const program = await cliProgram(io, given => void (code = given), args)
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // commander has already written its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
    io.err(describeError(error))
    return exitCodeOf(error)
  }
}

/** All commands. A command that ends well with another code than 0 gives it to `ended`. */
export async function cliProgram(
  io: CliIo,
  ended: (code: number) => void,
  args: readonly string[],
): Promise<Command> {
  const program = new Command('holdfast')
    .description(
      'Durable events for TypeScript: an HTTP collector, a log, and consumer groups whose effects happen once',
    )
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })

  addStart(program, io, ended)
  program
    .command('doctor')
    .argument(
      '[app]',
      'a module whose default export is an app; without it: the folder, ports and database of npm start',
    )
    .option('--json', 'print JSON')
    .option(
      '--launch',
      'the ten things of docs/adopt.md: what a machine can check, and questions for the rest',
    )
    .description(
      'check this machine, the log, the database and the app, changing nothing; exit code 7 when a check fails',
    )
    .action((file: string | undefined, options: DoctorOptions) => doctor(file, options, io))
  addLog(program, io, ended)

  const operate = operating(io, ended)
  addTopicEvents(addTopic(program, operate), operate)
  addEvent(program, operate)
  addGroup(program, operate)
  addCircuit(program, operate)
  addDlq(program, operate)
  addRetry(program, operate)
  addReplay(program, operate)
  addSpool(program, operate)
  addAudit(program, operate)
  addCheck(program, operate)
  addContext(program, io)
  addConfig(program, io, ended)

  addSchema(program, io)
  addDb(program, io)
  addOutbox(program, io)
  addAdvise(program, io)
  program
    .command('explain-error')
    .argument('<code>', 'an error code such as LOG_FULL, or a problem of the collector such as not_stored')
    .description('say what an error code means and what to do')
    .action((given: string) => io.out(explainError(given)))

  addCompletion(program, io)
  await addExperiment(program, io, ended, args)
  nameHelp(program, program.name())
  return program
}

/** What is wrong with the words of a command is followed by where its own help is. */
function nameHelp(command: Command, path: string): void {
  command.showHelpAfterError(
    `(${path} --help lists the ${command.commands.length > 0 ? 'commands' : 'options'})`,
  )
  for (const one of command.commands) nameHelp(one, `${path} ${one.name()}`)
}
