import { Argument, type Command } from 'commander'
import type { CliIo } from '../io.ts'

/** `holdfast completion bash|zsh`: a script from the definitions of the commands, so that TAB starts no Node. */
export function addCompletion(program: Command, io: CliIo): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .description('print a script that completes commands and options: source <(holdfast completion bash)')
    .action((shell: string) => {
      const forZsh = 'autoload -U +X compinit bashcompinit && compinit && bashcompinit\n'
      io.out((shell === 'zsh' ? forZsh : '') + completionScript(program))
    })
}

/** Words of commands and options are of the characters a-z and -, so nothing here needs quoting. */
function completionScript(program: Command): string {
  const all = placesIn(program, [])
  const paths = all.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`]))
  return `_holdfast() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast
`
}

/** A command with what may come behind it: its own commands, else its options. */
interface Place {
  readonly path: string
  readonly words: readonly string[]
}

function placesIn(command: Command, path: readonly string[]): Place[] {
  const options = command.options.flatMap(({ long }) => long ?? [])
  const words = [...command.commands.map(child => child.name()), ...options, '--help']
  return [
    { path: path.join(' '), words },
    ...command.commands.flatMap(child => placesIn(child, [...path, child.name()])),
  ]
}
