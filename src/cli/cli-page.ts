import type { Argument, Command, Option } from 'commander'
import { exitCode } from './exit-code.ts'
import { commonOptions } from './operating.ts'

/** The text of `docs/cli.md`, from the commands' own definitions. Written by `npm run docs`. */
export function cliPage(program: Command): string {
  return `${[
    '# The command line',
    `${program.description()}. In a project run it as \`npx holdfast …\`. Data goes to stdout, everything else to stderr, and nothing is asked off a terminal. This page is written by \`npm run docs\` from the commands' own definitions; \`holdfast <command> --help\` prints the same.`,
    '## Options of all commands of operations',
    'These commands say the same whether they ask a running process (`--url`) or open the log themselves; beside their own options they take:',
    commonOptions.map(option => `- ${code(option.flags)} ${describe(option)}`).join('\n'),
    ...leaves(program, []).map(section),
    '## Exit codes',
    Object.entries(meanings)
      .map(([name, meaning]) => `- **${exitCode[name as keyof typeof exitCode]}** ${meaning}`)
      .join('\n'),
  ].join('\n\n')}\n`
}

const meanings: Readonly<Record<keyof typeof exitCode, string>> = {
  ok: 'done',
  failed: 'failed',
  usage: 'the command line or the configuration cannot work',
  notFound: 'what was named is not there',
  refused: 'refused for safety: the folder is in use, the group is active, written by a newer version',
  unreachable: 'a server could not be reached',
  denied: 'not allowed',
  checkFailed: 'what was checked is not as it should be',
  interrupted: 'ended by a second Ctrl-C',
}

interface Leaf {
  readonly path: string
  readonly command: Command
}

/** The commands that do something, in the order of `--help`. */
function leaves(command: Command, path: readonly string[]): Leaf[] {
  return command.commands.flatMap(child => {
    const to = [...path, child.name()]
    return child.commands.length > 0 ? leaves(child, to) : [{ path: to.join(' '), command: child }]
  })
}

function section({ path, command }: Leaf): string {
  const lines = [
    ...command.registeredArguments.map(argument => `- ${code(nameOf(argument))} ${argument.description}`),
    ...command.options
      .filter(option => !isCommon(option))
      .map(option => `- ${code(option.flags)} ${describe(option)}`),
  ]
  return [
    `## ${path}`,
    code(`holdfast ${path} ${command.usage()}`),
    sentence(`${command.description()}${takesCommon(command) ? ' (and the common options)' : ''}`),
    ...(lines.length === 0 ? [] : [lines.join('\n')]),
  ].join('\n\n')
}

/** Options of the same flags may mean something else where a command has only some of them. */
function takesCommon({ options }: Command): boolean {
  return commonOptions.every(common => options.includes(common))
}

function isCommon(option: Option): boolean {
  return commonOptions.includes(option)
}

function nameOf(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
}

function describe({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(' or ')}`
  const preset = typeof defaultValue === 'string' ? ` (default: ${defaultValue})` : ''
  return `${description}${choices}${preset}`
}

function code(text: string): string {
  return `\`${text}\``
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
