import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { HoldfastError } from 'holdfast'
import { removeLog } from 'holdfast/drivers/embedded'
import { removePostgres } from 'holdfast/server'

/** Where questions are asked; both ends must be a terminal. */
export interface Terminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  /** Ends the question; that is no yes. */
  readonly signal: AbortSignal
}

/** Throws `CONFIRMATION_NEEDED` unless somebody at a terminal says yes. */
export async function confirmReset(dataDir: string, { input, output, signal }: Terminal): Promise<void> {
  const what = `everything that was kept in ${dataDir}: the log with its events, and the local PostgreSQL`
  const refuse = (why: string): never => {
    throw new HoldfastError('CONFIRMATION_NEEDED', { detail: `--reset deletes ${what}; ${why}` })
  }
  if (!input.isTTY || !output.isTTY) refuse('there is no terminal to ask at')
  output.write(`This deletes ${what}. Type yes to go on: `)
  const answers = createInterface({ input, signal })
  const { value: answer } = await answers[Symbol.asyncIterator]().next()
  answers.close()
  if (answer === undefined) output.write('\n')
  if (answer?.trim() !== 'yes') refuse('the answer was not yes')
}

/** Deletes what the example itself has put into the folder, and nothing else. */
export async function reset(dataDir: string): Promise<void> {
  for (const log of ['log', 'spool']) await removeLog(path.join(dataDir, log))
  for (const name of readdirSync(dataDir).filter(name => /^pg-\w+$/.test(name))) {
    await removePostgres(path.join(dataDir, name))
  }
  for (const name of ['logs', 'run.json']) rmSync(path.join(dataDir, name), { recursive: true, force: true })
}
