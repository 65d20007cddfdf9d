import process from 'node:process'
import { app, embedded, postgres } from 'holdfast'
import { processLogger, run, type Role } from 'holdfast/server'
import { groups, type GroupOptions } from './moves-groups.ts'
import { moves } from './moves-topic.ts'

export interface MovesOptions extends GroupOptions {
  /** Folder of the log. */
  readonly data: string
  readonly database: string
  readonly groups: readonly (keyof typeof groups)[]
  /** Ports: 0 takes a free one; fixed, so that a process that is started again is found where it was. */
  readonly door: number
  readonly admin: number
  /** After how long without a sign a member is expelled, milliseconds. */
  readonly sessionMs?: number
  /** How often a member says that it lives, milliseconds. */
  readonly beatMs?: number
  /** How often old events are deleted. */
  readonly retentionInterval?: '200ms'
  readonly roles?: readonly Role[]
}

export async function startMoves(options: MovesOptions): Promise<void> {
  const logger = processLogger({ to: process.stderr, now: Date.now })
  const vehicles = app({
    name: 'moves',
    db: postgres(options.database),
    log: embedded(options.data, {
      retentionInterval: options.retentionInterval,
      leases: { sessionMs: options.sessionMs, beatMs: options.beatMs ?? 1_000 },
    }),
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
