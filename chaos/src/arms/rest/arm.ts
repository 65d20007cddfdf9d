import path from 'node:path'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { ownModule } from '../process/own-module.ts'
import { startAll } from '../started.ts'
import { location, POSITIONS, storedLocations, withClient } from '../store.ts'

export const rest: Arm = {
  name: 'rest',
  title: 'REST, direct',
  description:
    'One service that answers 201 once the row is committed: a pool of 20, time-outs of 2 s, errors handled, ids kept.',
  flags: {},
  needs: [],
  start: stage => startRest(stage, 1),
}

export const restRetry: Arm = {
  name: 'rest-retry',
  title: 'REST, clients retry',
  description:
    'The same service; its clients send up to three times with a growing pause, always with the same id.',
  flags: {},
  needs: [],
  start: stage => startRest(stage, 3),
}

async function startRest(
  { databaseUrl, folder, dependencies, signal }: Stage,
  attempts: number,
): Promise<RunningArm> {
  await createUniqueTables(databaseUrl)
  const settings = { databaseUrl, cacheUrl: dependencies['cache'] }
  const module = path.join(import.meta.dirname, 'server.ts')
  const started = await startAll(signal, () => ownModule({ name: 'server', module, settings, folder }))
  return {
    target: {
      url: `http://127.0.0.1:${started.port('server')}/locations`,
      headers: { 'content-type': 'application/json' },
      ...location,
      attempts,
    },
    services: started.services,
    table: POSITIONS,
    sample: async () => ({}),
    isDrained: () => nothingRuns(databaseUrl),
    evidence: () => storedLocations(databaseUrl),
    stop: () => started.stop(),
  }
}

/** A statement whose request was given up long ago may still be on its way to a commit. */
export async function nothingRuns(databaseUrl: string): Promise<boolean> {
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ active: string }>(
      `select count(*) as active from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and state is distinct from 'idle'
         and backend_type = 'client backend'`,
    ),
  )
  return rows[0]?.active === '0'
}

/** The tables of examples/drivers, and the key by which a service that writes directly knows what it has already. */
export async function createUniqueTables(databaseUrl: string): Promise<void> {
  await createTables(databaseUrl)
  await withClient(databaseUrl, client =>
    client.query(`create unique index if not exists positions_id on ${POSITIONS} (id)`),
  )
}
