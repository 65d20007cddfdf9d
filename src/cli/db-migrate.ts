import { postgres, printMigrations } from '../drivers/postgres/index.ts'
import { silentLogger, systemClock, systemRandom } from '../event/index.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'

export interface DbMigrateOptions {
  readonly url?: string
  /** Writes the SQL to stdout and touches no database. */
  readonly print?: boolean
}

/** Brings the schema `holdfast` of a PostgreSQL up to date. */
export async function dbMigrate({ url, print }: DbMigrateOptions, io: CliIo): Promise<void> {
  if (print) return io.out(printMigrations())
  const target = url ?? io.env['DATABASE_URL']
  if (target === undefined || target === '') {
    throw new CliError('no database is named', exitCode.usage, {
      next: 'Set DATABASE_URL or pass --url postgres://user:password@host/name; --print needs none.',
    })
  }
  const database = postgres(target)
  const sink = await database.open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  try {
    await sink.migrate()
    io.err(`the schema holdfast in ${database.where} is up to date\n`)
  } finally {
    await sink.close()
  }
}
