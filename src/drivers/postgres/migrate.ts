import { hash } from 'node:crypto'
import { HoldfastError } from '../../event/index.ts'
import { migrations, type Migration } from './migrations.ts'
import type { Session } from './session.ts'

/** Two processes that start together wait for each other here. */
const LOCK = 'select pg_advisory_xact_lock(4243, 1)'

/** Not a migration of its own: the table that remembers them. */
const BOOTSTRAP = `
create schema if not exists holdfast;
create table if not exists holdfast.migration (
  version int primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);`

/** Brings the schema up to date, each migration in its own transaction. Needs no right to create once it is. */
export async function migrate(session: Session): Promise<void> {
  const before = await applied(session)
  if (before === undefined) {
    await session.query('begin')
    await session.query(LOCK)
    await session.query(BOOTSTRAP)
    await session.query('commit')
  }
  for (const migration of pending(before ?? [])) await applyOne(session, migration)
}

/** The same as a script, for those whose database roles may not create: `holdfast db migrate --print`. */
export function printMigrations(): string {
  const parts = migrations.map(migration => `${migration.sql}\n${recordOf(migration)};`)
  return `begin;\n${LOCK};\n${BOOTSTRAP}\n${parts.join('\n')}\ncommit;\n`
}

interface AppliedMigration {
  readonly version: number
  readonly name: string
  readonly checksum: string
}

async function applied(session: Session): Promise<AppliedMigration[] | undefined> {
  const { rows } = await session.query(`select to_regclass('holdfast.migration') is not null as there`)
  if (rows[0]?.['there'] !== true) return undefined
  const list = await session.query('select version, name, checksum from holdfast.migration order by version')
  return list.rows as unknown as AppliedMigration[]
}

/** What is still to do. Refuses a schema that this version does not know: `SINK_VERSION`. */
function pending(done: readonly AppliedMigration[]): Migration[] {
  for (const { version, name, checksum } of done) {
    const ours = migrations.find(migration => migration.version === version)
    if (ours && checksumOf(ours) === checksum) continue
    throw new HoldfastError('SINK_VERSION', {
      detail: ours
        ? `migration ${version} (${name}) was applied with another text`
        : `it has migration ${version} (${name}), this version knows ${migrations.length}`,
      facts: { version },
    })
  }
  return migrations.filter(migration => !done.some(({ version }) => version === migration.version))
}

async function applyOne(session: Session, migration: Migration): Promise<void> {
  await session.query('begin')
  await session.query(LOCK)
  // Another process may have done it while we waited for the lock.
  const still = pending((await applied(session)) ?? []).includes(migration)
  if (still) {
    await session.query(migration.sql)
    await session.query(recordOf(migration))
  }
  await session.query('commit')
}

function recordOf(migration: Migration): string {
  const name = migration.name.replaceAll("'", "''")
  return `insert into holdfast.migration (version, name, checksum) values (${migration.version}, '${name}', '${checksumOf(migration)}')`
}

function checksumOf(migration: Migration): string {
  return hash('sha256', migration.sql)
}
