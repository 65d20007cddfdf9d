import process from 'node:process'
import { runCli } from './program.ts'

/** The `holdfast` command: the process around {@link runCli}. */
export async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    env: process.env,
  })
}
