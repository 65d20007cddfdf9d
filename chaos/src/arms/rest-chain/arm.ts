import path from 'node:path'
import type { Arm, RunningArm, Stage } from '../../contract/arm.ts'
import { ownModule } from '../process/own-module.ts'
import { createUniqueTables, nothingRuns } from '../rest/arm.ts'
import { startAll } from '../started.ts'
import { location, POSITIONS, storedLocations, withClient } from '../store.ts'

export const restChain: Arm = {
  name: 'rest-chain',
  title: 'REST, four services',
  description:
    'Collector, enrichment, analytics and persister, each its own process, call each other and wait: connections kept, every wait bounded, ids kept.',
  flags: {},
  needs: [],
  start: startChain,
}

async function startChain({ databaseUrl, folder, dependencies, signal }: Stage): Promise<RunningArm> {
  await createUniqueTables(databaseUrl)
  await withClient(databaseUrl, client =>
    client.query('create table if not exists drivers.counted (id text primary key)'),
  )
  const service = (name: string, settings: Readonly<Record<string, unknown>>) =>
    ownModule({ name, module: path.join(import.meta.dirname, `${name}.ts`), settings, folder })
  // From the last to the first: each is told where the next one is.
  const eventsOf = (port: number): string => `http://127.0.0.1:${port}/events`
  const started = await startAll(
    signal,
    () => service('persister', { databaseUrl }),
    ({ port }) => service('analytics', { databaseUrl, next: eventsOf(port('persister')) }),
    ({ port }) =>
      service('enrichment', { cacheUrl: dependencies['cache'], next: eventsOf(port('analytics')) }),
    ({ port }) => service('collector', { next: eventsOf(port('enrichment')) }),
  )
  return {
    target: {
      url: `http://127.0.0.1:${started.port('collector')}/locations`,
      headers: { 'content-type': 'application/json' },
      ...location,
      attempts: 1,
    },
    services: started.services,
    table: POSITIONS,
    sample: async () => ({}),
    isDrained: () => nothingRuns(databaseUrl),
    evidence: () => storedLocations(databaseUrl),
    stop: () => started.stop(),
  }
}
