import path from 'node:path'
import type { Evidence } from 'holdfast/testing'
import { createTables } from '../../../../examples/drivers/src/tables.ts'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { holdfastRole, locationsTarget } from '../holdfast/role.ts'
import { leftInLog } from '../left-in-log.ts'
import { ownModule } from '../process/own-module.ts'
import { startAll } from '../started.ts'
import { POSITIONS, storedLocations, withClient } from '../store.ts'
import { readStatus } from './read-status.ts'

/** As published: after so long an open breaker lets a message through. */
export const naive: Arm = naiveArm({ resetMs: 10_000 })

/** `resetMs`: how long the breaker stays open. */
export function naiveArm({ resetMs }: { readonly resetMs: number }): Arm {
  return {
    name: 'naive',
    title: 'Log, naive consumer',
    description:
      "Holdfast's collector and log, and a consumer as commonly published: auto-commit, a breaker that rejects, errors that are logged.",
    flags: {
      'breaker-pauses': 'an open breaker makes the consumer wait, instead of rejecting message by message',
      'commit-after-success':
        'the position moves when a message is done, instead of when it was delivered; what fails comes again',
      inbox: 'the id, the row and the sum are one transaction, instead of a look-up and two writes',
      'dead-letters': 'what the database refuses is kept in a table, instead of swallowed or tried for ever',
    },
    needs: [],
    start: stage => startNaive(stage, resetMs),
  }
}

async function startNaive(stage: Stage, resetMs: number): Promise<RunningArm> {
  const { databaseUrl, folder, dependencies, signal } = stage
  await createTables(databaseUrl)
  await withClient(databaseUrl, client => client.query(tables))
  const log = path.join(folder, 'log')
  const settings = { databaseUrl, log, flags: [...stage.flags], resetMs, cacheUrl: dependencies['cache'] }
  const module = path.join(import.meta.dirname, 'consumer.ts')
  const started = await startAll(
    signal,
    () => holdfastRole('collector', stage, { folder: log }),
    () => ownModule({ name: 'consumer', module, settings, folder }),
  )
  const status = () => readStatus(`http://127.0.0.1:${started.port('consumer')}`)
  return {
    target: locationsTarget(started.port('collector', 'door')),
    services: started.services,
    table: POSITIONS,
    sample: async () => (await status()) ?? {},
    isDrained: async () => (await status())?.lag === 0,
    evidence: () => evidenceOf(databaseUrl, log),
    stop: () => started.stop(),
  }
}

const tables = `
  create table if not exists drivers.inbox (id text primary key);
  create table if not exists drivers.dead_letters (id text not null, payload text not null);
`

/** What waits behind the positions is not lost yet; what lies before them and has no row is. */
async function evidenceOf(databaseUrl: string, log: string): Promise<Evidence> {
  const evidence = await storedLocations(databaseUrl)
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ id: string }>('select distinct id from drivers.dead_letters'),
  )
  const dead = rows.map(({ id }) => id)
  const known = new Set([...evidence.rows.map(({ id }) => id), ...dead])
  const { pending } = await leftInLog({ log: { folder: log }, topic: 'locations', group: 'positions' }, known)
  return { ...evidence, dead, pending }
}
