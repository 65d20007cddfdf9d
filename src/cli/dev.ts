import process from 'node:process'
import { systemClock } from '../event/index.ts'
import { topicsOf } from '../server/declared.ts'
import { eventLines } from '../server/event-lines.ts'
import { processLogger } from '../server/process-logger.ts'
import { run } from '../server/run.ts'
import { tailLog } from '../server/tail-log.ts'
import { endWithParent } from '../server/end-with-parent.ts'
import type { CliIo } from './io.ts'
import { loadApp } from './load-app.ts'
import { adminOf, announcement, type StartOptions } from './start.ts'
import type { DevMessage } from './watch-dev.ts'

/** Runs an app as one process and prints each event on one line, until a signal ends it; answers the exit code. */
export async function dev(file: string, { adminPort, port }: StartOptions, io: CliIo): Promise<number> {
  const app = await loadApp(file)
  const { declared } = app
  process.send?.({ data: declared.log.where } satisfies DevMessage)
  const groups = declared.groups.map(({ group, topics }) => ({
    group,
    topics: topics.map(({ name }) => name),
  }))
  const lines = eventLines(groups, line => io.out(`${line}\n`))
  const logger = processLogger({ to: process.stderr, now: Date.now })
  endWithParent() // which is `watchDev`
  const stop = new AbortController()
  const { adminUrl, ended } = await run(app, {
    observer: { completed: of => lines.completed(of) },
    admin: adminOf(adminPort, io),
    // Nothing stands in front of it that would have to notice that it stops.
    lameDuck: '0ms',
    door: { port, setBy: 'HOLDFAST_PORT' },
    logger,
  })
  io.err(announcement(app, 'all', adminUrl))
  const tail = tailLog({
    system: app.system,
    topics: topicsOf(declared),
    groups: declared.groups,
    clock: systemClock,
    signal: stop.signal,
    stored: record => lines.stored(record),
  })
  const code = await ended
  stop.abort()
  await tail
  lines.flush()
  return code
}
