import type { Command } from 'commander'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { table } from '../table.ts'
import { contextNamed, readContexts, writeContexts, type Context } from '../target/contexts.ts'

/** `holdfast context …`: names for running processes that are asked often. */
export function addContext(program: Command, io: CliIo): void {
  const context = program.command('context').description('names for running processes that are asked often')

  context
    .command('list')
    .description('print them, and which is current; tokens only as set or not')
    .action(() => {
      const { current, contexts } = readContexts(io)
      const rows = Object.entries(contexts).map(([name, { url, token }]) => [
        name === current ? '*' : '',
        name,
        url,
        token === undefined ? '-' : '(set)',
      ])
      if (rows.length > 0) io.out(table(['', 'name', 'url', 'token'], rows))
      else io.err('no contexts; make one: holdfast context set NAME url=http://127.0.0.1:4310\n')
    })

  context
    .command('use')
    .argument('<name>', 'which; - for the one before')
    .description('let commands ask this one where nothing else is named')
    .action((given: string) => {
      const all = readContexts(io)
      const name = given === '-' ? all.previous : given
      if (name === undefined) {
        throw new CliError('there was none before', exitCode.notFound, {
          next: 'Name one: holdfast context list',
        })
      }
      const { url } = contextNamed(name, io)
      writeContexts({ ...all, current: name, previous: all.current }, io)
      io.err(`commands ask ${name} (${url}) now, where nothing else is named\n`)
    })

  context
    .command('set')
    .argument('<name>', 'of the characters a-z A-Z 0-9 _ . -')
    .argument(
      '<settings...>',
      'url=URL, token=TOKEN; a token of - is read from stdin, out of the history of the shell',
    )
    .description('make a context, or change what is given of it')
    .action(async (name: string, given: readonly string[]) => {
      if (!/^[\w.-]{1,100}$/.test(name) || name === '-') throw usage(`${name} is no name for a context`)
      const all = readContexts(io)
      const before = Object.hasOwn(all.contexts, name) ? all.contexts[name] : undefined
      const { url = before?.url, token = before?.token } = await settingsIn(given, io)
      if (url === undefined || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
        throw usage(`${name} needs the url of an admin side`)
      const made: Context = token === undefined || token === '' ? { url } : { url, token }
      writeContexts({ ...all, contexts: { ...all.contexts, [name]: made } }, io)
    })

  context
    .command('rm')
    .argument('<name>', 'which')
    .description('forget one')
    .action((name: string) => {
      contextNamed(name, io)
      const { current, previous, contexts } = readContexts(io)
      const { [name]: _, ...rest } = contexts
      const unless = (one: string | undefined): string | undefined => (one === name ? undefined : one)
      writeContexts({ current: unless(current), previous: unless(previous), contexts: rest }, io)
    })
}

async function settingsIn(given: readonly string[], io: CliIo): Promise<Partial<Context>> {
  const settings: { url?: string; token?: string } = {}
  for (const one of given) {
    const [, name, value = ''] = /^(url|token)=(.*)$/s.exec(one) ?? []
    if (name !== 'url' && name !== 'token') throw usage(`${one.split('=')[0]} is no setting of a context`)
    settings[name] = name === 'token' && value === '-' ? await piped(io) : value
  }
  return settings
}

async function piped({ input }: CliIo): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of input ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString().trim()
}

function usage(message: string): CliError {
  return new CliError(message, exitCode.usage, { next: 'holdfast context set NAME url=URL [token=TOKEN]' })
}
