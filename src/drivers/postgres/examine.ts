import type { Finding } from '../../event/index.ts'
import type { PgResult } from './client.ts'

const OLDEST = 14

/** What must be known before effects are trusted to a server. `connections`: how many this process would take of it. */
export async function examine(
  session: { query(text: string): Promise<PgResult> },
  connections: number,
): Promise<readonly Finding[]> {
  const { rows } = await session.query(QUESTION)
  const facts = (rows[0] ?? {}) as unknown as Facts
  return [versionOf(facts), rightsOf(facts), ...settingsOf(facts), roomOf(facts, connections)]
}

interface Facts {
  readonly version: string
  readonly number: number
  readonly may_create: boolean
  readonly may_terminate: boolean
  readonly read_only: boolean
  readonly synchronous_commit: string
  readonly fsync: string
  readonly full_page_writes: string
  readonly max_connections: number
  readonly used_connections: number
}

/** Rights are asked for and not tried: nothing is written. Terminating a backend of its own role needs no more than the function. */
const QUESTION = `select
  current_setting('server_version') as version,
  current_setting('server_version_num')::int as number,
  case when to_regnamespace('holdfast') is null then has_database_privilege(current_database(), 'create')
       else has_schema_privilege('holdfast', 'create') and has_schema_privilege('holdfast', 'usage') end as may_create,
  coalesce(has_function_privilege(to_regprocedure('pg_terminate_backend(int, bigint)'), 'execute'), false) as may_terminate,
  pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as read_only,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('fsync') as fsync,
  current_setting('full_page_writes') as full_page_writes,
  current_setting('max_connections')::int as max_connections,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used_connections`

function versionOf({ version, number }: Facts): Finding {
  const ok = number >= OLDEST * 10_000
  return {
    check: 'postgres version',
    status: ok ? 'ok' : 'fail',
    found: version,
    advice: ok ? undefined : `Holdfast needs PostgreSQL ${OLDEST} or newer.`,
  }
}

function rightsOf({ may_create, may_terminate, read_only }: Facts): Finding {
  const check = 'postgres rights'
  if (read_only)
    return {
      check,
      status: 'fail',
      found: 'it takes no writes: a standby, or default_transaction_read_only',
      advice: 'Name the primary.',
    }
  if (!may_create)
    return {
      check,
      status: 'fail',
      found: 'this role may not create in the schema holdfast',
      advice:
        'Grant create on the database, or run holdfast db migrate --print as its owner and grant usage and create on schema holdfast.',
    }
  if (!may_terminate)
    return {
      check,
      status: 'fail',
      found: 'this role may not call pg_terminate_backend',
      advice:
        'A frozen owner could not be shut out: grant execute on function pg_terminate_backend(int, bigint).',
    }
  return { check, status: 'ok', found: 'may create, write and end its own connections' }
}

function settingsOf(facts: Facts): Finding[] {
  const check = 'postgres settings'
  const bad = [
    { name: 'fsync', hurts: 'a crash of the server can destroy the whole database' },
    { name: 'full_page_writes', hurts: 'a crash of the server can leave torn pages' },
    {
      name: 'synchronous_commit',
      hurts: 'effects that were reported as done can be gone after a crash, with their position kept',
    },
  ] as const
  const off = bad.filter(({ name }) => facts[name] === 'off')
  if (off.length === 0) return [{ check, status: 'ok', found: 'commits are durable' }]
  return off.map(({ name, hurts }) => ({
    check,
    status: 'warn',
    found: `${name} is off: ${hurts}`,
    advice: `alter system set ${name} = on; select pg_reload_conf()`,
  }))
}

function roomOf({ max_connections, used_connections }: Facts, connections: number): Finding {
  const check = 'postgres connections'
  const found = `${used_connections} of ${max_connections} in use, a process of this app takes up to ${connections}`
  return used_connections + connections <= max_connections
    ? { check, status: 'ok', found }
    : {
        check,
        status: 'warn',
        found,
        advice: 'Lower maxConnections of postgres(), or raise max_connections of the server.',
      }
}
