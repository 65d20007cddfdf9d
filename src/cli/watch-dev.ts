import { fork, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import type { StartOptions } from './start.ts'
import { watchSources } from './watch-sources.ts'

/** Changes that come together are one: an editor writes a file in several steps. */
const SETTLE_MS = 100
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What the child tells the one that watches: the folder of the app's log, in which nothing is a source. */
export interface DevMessage {
  readonly data: string
}

/**
 * Runs `holdfast dev --no-watch` as a child and starts it again, drained, whenever a file beside the app changes. An
 * app that fails to start is tried again at the next change. Signals go to the child; answers its exit code.
 */
export function watchDev(file: string, { adminPort }: StartOptions, io: CliIo): Promise<number> {
  if (!existsSync(file)) throw new CliError(`there is no file ${path.resolve(file)}`, exitCode.notFound)
  const folder = path.dirname(path.resolve(file))
  const args = [
    'dev',
    '--no-watch',
    file,
    ...(adminPort === undefined ? [] : ['--admin-port', String(adminPort)]),
  ]
  const { promise, resolve } = Promise.withResolvers<number>()
  let child: ChildProcess | undefined
  let state: 'running' | 'restarting' | 'ending' = 'running'
  let settling: NodeJS.Timeout | undefined

  const start = (): void => {
    state = 'running'
    // A group of its own, so that Ctrl-C comes to it once, from here.
    const started = fork(process.argv[1] ?? '', args, { detached: true })
    child = started
    started.on('message', ({ data }: DevMessage) => watcher.ignore(data))
    started.once('close', (code, signal) => {
      child = undefined
      if (state === 'restarting') start()
      else if (state === 'ending') end(code ?? (signal === null ? 1 : exitCode.interrupted))
      else io.err(`the app ended (${code ?? signal}); it is started again when a file changes\n`)
    })
  }
  const restart = (name: string): void => {
    if (state !== 'running') return
    io.err(`${name} changed, starting again\n`)
    if (child === undefined) return start()
    state = 'restarting'
    child.kill('SIGTERM')
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    state = 'ending'
    if (child === undefined) end(exitCode.ok)
    else child.kill(signal)
  }
  const watcher = watchSources(
    folder,
    name => {
      clearTimeout(settling)
      settling = setTimeout(() => restart(name), SETTLE_MS)
    },
    count =>
      io.err(`there are more than ${count} folders in ${folder}: changes in the others are not seen\n`),
  )
  const end = (code: number): void => {
    clearTimeout(settling)
    watcher.close()
    for (const signal of SIGNALS) process.off(signal, onSignal)
    resolve(code)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  start()
  return promise
}
