import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { outliveReaders } from '../server/outlive-readers.ts'
import { runCli } from './program.ts'

/** The `holdfast` command: the process around {@link runCli}. */
export async function main(): Promise<void> {
  outliveReaders()
  process.exitCode = await runCli(process.argv.slice(2), {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    env: process.env,
    ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  })
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}
