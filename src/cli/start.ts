import path from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import type { App } from '../server/app.ts'
import { processLogger } from '../server/process-logger.ts'
import { run } from '../server/run.ts'
import { version } from '../version.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

export interface StartOptions {
  readonly adminPort?: number
}

/** Runs the app that `file` exports as its default until a signal ends it; answers the exit code. */
export async function start(file: string, { adminPort }: StartOptions, io: CliIo): Promise<number> {
  const app = await loadApp(file)
  const logger = processLogger({ to: process.stderr, now: Date.now })
  const { adminUrl, ended } = await run(app, { admin: { port: adminPort }, logger })
  io.err(`Holdfast ${version}  app ${app.name}  status ${adminUrl}\n`)
  return ended
}

async function loadApp(file: string): Promise<App<boolean>> {
  const loaded = (await import(pathToFileURL(path.resolve(file)).href)) as { default?: unknown }
  const app = loaded.default as Partial<App<boolean>> | undefined
  if (typeof app?.start !== 'function' || typeof app.stop !== 'function' || app.admin === undefined) {
    throw new CliError(`${file} does not export an app as its default`, exitCode.usage, {
      next: "It should end with `export default app({ … })`, not started yet: app from 'holdfast'.",
    })
  }
  return app as App<boolean>
}
