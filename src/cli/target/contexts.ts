import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'

/** An admin side that somebody asks often. */
export interface Context {
  readonly url: string
  readonly token?: string | undefined
}

/** What a person has given names to. */
export interface Contexts {
  /** Asked where nothing else is named. */
  readonly current?: string | undefined
  /** What was current before: `context use -`. */
  readonly previous?: string | undefined
  readonly contexts: Readonly<Record<string, Context>>
}

const none: Contexts = { contexts: {} }

/** In the user's own folder, never in a project: it holds tokens. Undefined where the environment names none. */
export function contextsFile({ env }: Pick<CliIo, 'env'>): string | undefined {
  const home = env['HOME'] || env['USERPROFILE']
  const folder = env['XDG_CONFIG_HOME'] || (home ? path.join(home, '.config') : undefined)
  return folder === undefined ? undefined : path.join(folder, 'holdfast', 'contexts.json')
}

/** None where there is no file. Refuses one that others can read, and one that cannot be read. */
export function readContexts(io: Pick<CliIo, 'env'>): Contexts {
  const file = contextsFile(io)
  if (file === undefined || !existsSync(file)) return none
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new CliError(`${file} holds tokens, and others can read it`, exitCode.refused, {
      next: `chmod 600 ${file}`,
    })
  }
  try {
    return checked(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw new CliError(`${file} cannot be read: ${(cause as Error).message}`, exitCode.usage, {
      next: 'Mend it, or delete it and name the contexts anew: holdfast context set NAME url=…',
      cause,
    })
  }
}

export function contextNamed(name: string, io: Pick<CliIo, 'env'>): Context {
  const { contexts } = readContexts(io)
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (found) return found
  throw new CliError(`there is no context ${name}`, exitCode.notFound, {
    next: `There are: ${Object.keys(contexts).join(', ') || 'none'}. Make one: holdfast context set ${name} url=…`,
  })
}

/** Whole or not at all, and for its owner alone. */
export function writeContexts(contexts: Contexts, io: Pick<CliIo, 'env'>): void {
  const file = contextsFile(io)
  if (file === undefined) {
    throw new CliError('there is no folder for contexts', exitCode.usage, {
      next: 'Set HOME or XDG_CONFIG_HOME.',
    })
  }
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(contexts, undefined, 2)}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600) // a draft that was left there keeps the mode that it had
  renameSync(draft, file)
}

function checked(value: unknown): Contexts {
  const { current, previous, contexts } = value as Partial<Contexts>
  for (const name of [current, previous])
    if (name !== undefined && typeof name !== 'string') throw new TypeError('current must be a name')
  if (typeof contexts !== 'object' || contexts === null) throw new TypeError('it has no contexts')
  for (const [name, { url, token }] of Object.entries(contexts)) {
    if (typeof url !== 'string' || !URL.canParse(url)) throw new TypeError(`the url of ${name} is none`)
    if (token !== undefined && typeof token !== 'string')
      throw new TypeError(`the token of ${name} is no text`)
  }
  return { current, previous, contexts }
}
