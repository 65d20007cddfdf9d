import type { Command } from 'commander'
import { dbMigrate, type DbMigrateOptions } from '../db-migrate.ts'
import type { CliIo } from '../io.ts'

/** `db`: the schema in PostgreSQL. */
export function addDb(program: Command, io: CliIo): void {
  const db = program.command('db').description('the schema holdfast in PostgreSQL')
  db.command('migrate')
    .option('--url <url>', 'the database (default: DATABASE_URL)')
    .option('--print', 'print the SQL and touch nothing')
    .description('make the schema or bring it up to date')
    .action((options: DbMigrateOptions) => dbMigrate(options, io))
}
