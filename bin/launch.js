import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { keepCompiled } from './compile-cache.js'

/** Runs the built CLI; in a checkout the sources themselves, so that nothing has to be built to try a change. */
export default async function launch() {
  keepCompiled()
  const source = new URL('../src/cli/main.ts', import.meta.url)
  if (existsSync(source)) {
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, 'holdfast-source'] }),
    })
  }
  const { main } = await import(existsSync(source) ? source.href : '../dist/cli/main.js')
  await main()
}
