import { setTimeout as wait } from 'node:timers/promises'
import type { Child } from '../harness/child.ts'
import { withClient } from './store.ts'
import type { System } from './system.ts'

/** Longer than the readiness of the door believes an append of before. */
const STALE_MS = 2_500

/**
 * Stops a process with SIGSTOP at a moment when it has effects under way in the database, and does not hold the write
 * lock of the log. While a stopped process holds that, nobody can write, as on a frozen disk: a limit of the embedded
 * log, and not the fault that is meant here. Answers how many transactions stand open.
 */
export async function freezeWithinTransactions(child: Child, system: System): Promise<number> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    await child.freeze()
    await wait(LOOK_MS)
    if ((await standingTransactions(system, LOOK_MS - 200)) > 0) {
      await wait(STALE_MS - LOOK_MS)
      const open = await standingTransactions(system, LOOK_MS)
      if (open > 0 && (await system.status()).ready) return open
    }
    await child.thaw()
    await wait(20 + 60 * Math.random())
  }
  throw new Error(
    `${child.name} was stopped ${TRIES} times, each time without a transaction or within a commit`,
  )
}

const TRIES = 60
const LOOK_MS = 600

/** Those that hold the lock of a lease since so long: only a process that stands still keeps one. */
async function standingTransactions({ databaseUrl }: System, sinceMs: number): Promise<number> {
  const { rows } = await withClient(databaseUrl, client =>
    client.query<{ open: number }>(
      `select count(distinct a.pid)::int as open
      from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.classid = 4242
      where l.granted and a.state = 'idle in transaction'
        and a.state_change < clock_timestamp() - make_interval(secs => $1)`,
      [sinceMs / 1_000],
    ),
  )
  return rows[0]?.open ?? 0
}
