import { silentLogger, systemClock, systemRandom } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import type { Declared } from '../server/declared.ts'
import type { OperationHost } from '../server/operations/operation.ts'
import type { CliIo } from './io.ts'
import { loadApp } from './load-app.ts'
import { withLog } from './open-log.ts'
import { logTarget } from './target/target.ts'

export interface OnLogOptions {
  /** The folder of the log. Defaults to the log of the app, then to the folder of the environment. */
  readonly log?: string | undefined
  /** The module of an app that does not run here. Defaults to that of the environment. */
  readonly app?: string | undefined
}

/** Runs `work` on the log itself, with what the app declares that was named, and its database. */
export async function onLog<T>(
  options: OnLogOptions,
  io: CliIo,
  work: (host: OperationHost) => Promise<T>,
): Promise<T> {
  const { folder, app: file } = logTarget(options, io)
  const declared = file === undefined ? undefined : (await loadApp(file)).declared
  const sink = await declared?.db?.open(env)
  try {
    return await withItsLog(options.log === undefined ? declared : undefined, folder, system =>
      work({ system, app: undefined, declared, sink, ...env }),
    )
  } finally {
    await sink?.close()
  }
}

const env = { clock: systemClock, random: systemRandom, logger: silentLogger }

/** A log on other machines is reached as an app says. */
const ELSEWHERE =
  'Name its folder: --log DIR; or, for a log on Kafka, the app that names it: --app FILE; or ask the process that runs, where the command can: --url URL'

/** The log of the app, where it has one that is kept; else that in the folder. */
async function withItsLog<T>(
  declared: Declared | undefined,
  folder: string,
  work: (system: LogSystem) => Promise<T>,
): Promise<T> {
  const log = declared?.log
  if (log === undefined || log.kind === 'memory') return withLog(folder, work, ELSEWHERE)
  // Opened by its driver, a folder that is not there would be made.
  if (log.kind === 'embedded') return withLog(log.where, work)
  const system = await log.open(env)
  try {
    return await work(system)
  } finally {
    await system.close()
  }
}
