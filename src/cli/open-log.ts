import { existsSync } from 'node:fs'
import path from 'node:path'
import { embedded } from '../drivers/embedded/index.ts'
import { silentLogger, systemClock, systemRandom } from '../event/index.ts'
import type { LogSystem } from '../log/index.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { logTarget } from './target/target.ts'

/** The folder of the log that a command means; where it is told none, that of the project or of `npm start`. */
export function logFolder(given: string | undefined, io: Pick<CliIo, 'env' | 'cwd'>): string {
  return logTarget({ log: given }, io).folder
}

/** Runs `work` on a log that is there already; a running app may have it open too. `next`: what to do where there is none. */
export async function withLog<T>(
  folder: string,
  work: (system: LogSystem) => Promise<T>,
  next = 'Name its folder: --log DIR',
): Promise<T> {
  if (!existsSync(folder))
    throw new CliError(`there is no log in ${path.resolve(folder)}`, exitCode.notFound, { next })
  const system = await embedded(folder).open({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  try {
    return await work(system)
  } finally {
    await system.close()
  }
}
