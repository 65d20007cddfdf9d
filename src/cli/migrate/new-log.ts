import { existsSync } from 'node:fs'
import path from 'node:path'
import { embedded } from '../../drivers/embedded/index.ts'
import { kafka } from '../../drivers/kafka/index.ts'
import { memory } from '../../drivers/memory/index.ts'
import type { LogDriver } from '../../log/index.ts'
import { CliError, exitCode } from '../exit-code.ts'
import type { CliIo } from '../io.ts'
import { loadApp } from '../load-app.ts'

export interface NewLogOptions {
  readonly to: 'embedded' | 'kafka'
  /** A module whose app has the new log. */
  readonly app?: string
  /** A folder, with `--to embedded`. */
  readonly target?: string
  /** `host:port` with commas between, with `--to kafka`. */
  readonly brokers?: string
}

/** Where the log goes. Rejects before anything is opened when the options do not say it. */
export async function newLog(options: NewLogOptions, from: string, io: CliIo): Promise<LogDriver> {
  const { to, app } = options
  const driver = app === undefined ? named(options, io) : (await loadApp(app)).declared.log
  if (driver.kind !== to) {
    throw new CliError(`the app in ${app ?? ''} has the log ${driver.kind}, not ${to}`, exitCode.usage, {
      next: 'Name the app as it will be: with the new log.',
    })
  }
  if (driver.where === from) {
    throw new CliError(`${from} is the old log, and the new one`, exitCode.usage, {
      next: 'Name another: --target DIR',
    })
  }
  return driver
}

function named({ to, target, brokers }: NewLogOptions, { env }: CliIo): LogDriver {
  switch (to) {
    case 'embedded': {
      if (target === undefined) throw unnamed('folder', '--target DIR')
      // What it deletes would be missing when it is compared; the app deletes soon enough.
      return embedded(target, { retentionInterval: '24d', idIndexBytes: 0 })
    }
    case 'kafka': {
      const given = brokers ?? env['KAFKA_BROKERS']
      if (!given) throw unnamed('broker', '--brokers HOST:PORT,… or KAFKA_BROKERS')
      return kafka({ brokers: given })
    }
  }
}

function unnamed(what: string, how: string): CliError {
  return new CliError(`no ${what} is named for the new log`, exitCode.usage, {
    next: `Name it by ${how}, or the app as it will be: --app FILE`,
  })
}

/** As the driver, but a folder that is not there is not made: nothing is in it either way. */
export function untouched(driver: LogDriver): LogDriver {
  return driver.kind === 'embedded' && !existsSync(path.join(driver.where, 'data.mdb'))
    ? { ...memory(), where: driver.where }
    : driver
}
