import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { outliveReaders } from '../server/outlive-readers.ts'
import { runCli } from './program.ts'

/** The `holdfast` command: the process around {@link runCli}. */
export async function main(): Promise<void> {
  const unread = outliveReaders()
  process.exitCode = await runCli(process.argv.slice(2), {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    env: process.env,
    unread,
    taken: () => taken(unread),
    input: process.stdin,
    ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  })
}

/** A pipe that is read slowly must not fill our memory instead. */
async function taken(unread: AbortSignal): Promise<void> {
  if (!process.stdout.writableNeedDrain || unread.aborted) return
  await once(process.stdout, 'drain', { signal: unread }).catch(() => {}) // nobody reads it: nothing to wait for
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}
