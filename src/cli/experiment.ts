import type { Command } from 'commander'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

/**
 * The commands of the package `@holdfast/chaos`. It stays apart because it brings what a service in production has no
 * use for: fault runner, load generator, report.
 */
const commands: Readonly<Record<string, string>> = {
  chaos: 'experiments: the same load on several systems while something dies',
  load: 'send events on a schedule that nothing moves, and print what became of them',
}

const PACKAGE = '@holdfast/chaos'

/** Adds them, or in their place commands that say which package to install. */
export async function addExperiment(
  program: Command,
  io: CliIo,
  ended: (code: number) => void,
  args: readonly string[],
): Promise<void> {
  // Loading it takes longer than most commands, so only its own commands wait for it.
  const [name = ''] = args
  const found = Object.hasOwn(commands, name) ? await load() : undefined
  if (found) return found.register(program, io, ended, args)
  for (const [name, description] of Object.entries(commands)) {
    program
      .command(name)
      .argument('[words...]')
      .allowUnknownOption()
      .helpOption(false)
      .description(`${description} (in the package ${PACKAGE})`)
      .action(() => {
        throw new CliError(
          `holdfast ${name} is in the package ${PACKAGE}, which is not installed`,
          exitCode.failed,
          {
            next: `npm install --save-dev ${PACKAGE}`,
          },
        )
      })
  }
}

interface Experiment {
  register(program: Command, io: CliIo, ended: (code: number) => void, args: readonly string[]): void
}

async function load(): Promise<Experiment | undefined> {
  // Not a literal: the package is built without it.
  const specifier: string = `${PACKAGE}/cli`
  try {
    return (await import(specifier)) as Experiment
  } catch (error) {
    // Only its own absence: one that is there and broken must say so itself.
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(PACKAGE)) return undefined
    throw error
  }
}
