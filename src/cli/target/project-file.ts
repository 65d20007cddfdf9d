import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { CliError, exitCode } from '../exit-code.ts'

export const PROJECT_FILE = 'holdfast.config.json'

/** What a project says to the commands that are run in it. One of the two, or none. */
export interface Project {
  /** The folder of the log, absolute. */
  readonly log?: string | undefined
  /** The name of a context of whoever runs the command. No address: a checkout must not say where tokens are sent. */
  readonly context?: string | undefined
}

/** Looked for from `folder` up to the root of its git repository; without one, only there. */
export function projectFile(folder: string): string | undefined {
  const above: string[] = []
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    above.push(at)
    const isRoot = existsSync(path.join(at, '.git'))
    if (isRoot || path.dirname(at) === at) {
      const searched = isRoot ? above : above.slice(0, 1)
      return searched.map(one => path.join(one, PROJECT_FILE)).find(file => existsSync(file))
    }
  }
}

/** Throws for a file that says what is not known, or both. */
export function readProject(folder: string): Project {
  const file = projectFile(folder)
  if (file === undefined) return {}
  const wrong = (why: string): CliError =>
    new CliError(`${file} ${why}`, exitCode.usage, { next: 'It may hold "log" or "context", both text.' })
  let given: unknown
  try {
    given = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw wrong(`is no JSON: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null) throw wrong('must be an object')
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'log' && name !== 'context') throw wrong(`has ${JSON.stringify(name)}, which is not known`)
    if (typeof value !== 'string' || value === '') throw wrong(`has a ${name} that is no text`)
  }
  const { log, context } = given as Project
  if (log !== undefined && context !== undefined) throw wrong('has log and context: commands ask one of them')
  return { context, log: log === undefined ? undefined : path.resolve(path.dirname(file), log) }
}
