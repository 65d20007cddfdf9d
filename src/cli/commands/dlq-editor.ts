import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dlqShow } from '../../server/operations/dlq-show.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { Operating, OperatingOptions } from '../operating.ts'

/** The data of one letter as a person left it in their editor. */
export async function editedByHand(
  operating: Operating,
  ids: readonly string[],
  options: OperatingOptions & { readonly group?: string },
): Promise<unknown> {
  const [id] = ids
  const { env, ask } = operating.io
  const editor = env['VISUAL'] || env['EDITOR']
  if (id === undefined || ids.length > 1)
    throw usage('--editor edits one letter', 'Name one id, or use --patch FILE')
  if (!ask || editor === undefined)
    throw usage('there is no editor', 'Set EDITOR on a terminal, or use --patch FILE')
  const { event } = await operating.ask(dlqShow, { id, group: options.group }, options)
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-edit-'))
  try {
    const file = join(folder, `${id}.json`)
    writeFileSync(file, event.json === null ? '' : pretty(event.json), { mode: 0o600 })
    // Through a shell: EDITOR may hold options, as in `code --wait`.
    const { status } = spawnSync('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
    if (status !== 0) throw new CliError(`${editor} ended with ${status}`, exitCode.failed)
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw usage(`what was saved is no JSON: ${error.message}`, 'Nothing was changed; edit it again')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pretty(json: string): string {
  return `${JSON.stringify(JSON.parse(json), undefined, 2)}\n`
}

function usage(message: string, next: string): CliError {
  return new CliError(message, exitCode.usage, { next })
}
