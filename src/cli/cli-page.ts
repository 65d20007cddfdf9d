import type { Argument, Command, Option } from 'commander'
import { exitCode } from './exit-code.ts'

/** The text of `docs/cli.md`, from the commands' own definitions. Written by `npm run docs`. */
export function cliPage(program: Command): string {
  return `${[
    '# The command line',
    `${program.description()}. In a project run it as \`npx holdfast …\`. Data goes to stdout, everything else to stderr, and nothing is asked off a terminal. This page is written by \`npm run docs\` from the commands' own definitions; \`holdfast <command> --help\` prints the same.`,
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
    ...command.options.map(option => `- ${code(option.flags)} ${describe(option)}`),
  ]
  return [
    `## ${path}`,
    code(`holdfast ${path} ${command.usage()}`),
    sentence(command.description()),
    ...(lines.length === 0 ? [] : [lines.join('\n')]),
  ].join('\n\n')
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
