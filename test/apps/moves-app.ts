import process from 'node:process'
import { app, postgres } from 'holdfast'
import { processLogger, run, type Role } from 'holdfast/server'
import { groups, type GroupOptions } from './moves-groups.ts'
import { movesLog, type MovesLog } from './moves-log.ts'
import { moves } from './moves-topic.ts'

export interface MovesOptions extends GroupOptions, MovesLog {
  readonly database: string
  readonly groups: readonly (keyof typeof groups)[]
  /** Ports: 0 takes a free one; fixed, so that a process that is started again is found where it was. */
  readonly door: number
  readonly admin: number
  readonly roles?: readonly Role[]
}

export async function startMoves(options: MovesOptions): Promise<void> {
  const logger = processLogger({ to: process.stderr, now: Date.now })
  const vehicles = app({
    name: 'moves',
    db: postgres(options.database),
    log: movesLog(options),
    logger,
    stuckAfter: '2s',
  })
  for (const name of options.groups) groups[name](vehicles, options)
  vehicles.collector({
    port: options.door,
    topics: [moves],
    keys: { pk_demo: { tenant: 't1', eventsPerSecond: 100_000 } },
    lameDuckMs: 200,
    spool: { folder: `${options.data}-spool`, minFreeBytes: 0 },
  })
  const { adminUrl, ended } = await run(vehicles, {
    roles: options.roles,
    admin: { port: options.admin },
    logger,
  })
  const collects = options.roles?.includes('collector') ?? true
  process.stdout.write(
    `up ${JSON.stringify({ door: collects ? vehicles.door.port : 0, admin: Number(new URL(adminUrl).port) })}\n`,
  )
  process.exitCode = await ended
}
