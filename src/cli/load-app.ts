import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { App } from '../server/app.ts'
import { CliError, exitCode } from './exit-code.ts'

/** The app that `file` exports as its default, not started. */
export async function loadApp(file: string): Promise<App<boolean>> {
  if (!existsSync(file)) {
    throw new CliError(`there is no file ${path.resolve(file)}`, exitCode.notFound, {
      next: 'Name the module whose default export is the app, for example src/app.ts.',
    })
  }
  const loaded = (await import(pathToFileURL(path.resolve(file)).href)) as { default?: unknown }
  const app = loaded.default as Partial<App<boolean>> | undefined
  if (typeof app?.start !== 'function' || typeof app.stop !== 'function' || app.declared === undefined) {
    throw new CliError(`${file} does not export an app as its default`, exitCode.usage, {
      next: "It should end with `export default app({ … })`, not started yet: app from 'holdfast'.",
    })
  }
  return app as App<boolean>
}
