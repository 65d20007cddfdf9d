export { describeDbError } from './errors.ts'
export { printMigrations } from './migrate.ts'
export type { PostgresOptions } from './options.ts'
export { postgres } from './postgres.ts'
