import { setTimeout as wait } from 'node:timers/promises'
import type { Log, LogSystem } from '../../src/log/index.ts'
import type { Child } from '../harness/child.ts'
import { query } from '../postgres.ts'

/** Where the process that is to be frozen works. */
interface Around {
  readonly databaseUrl: string
  openLog(): Promise<Pick<LogSystem, 'log' | 'close'>>
}

/**
 * Stops a process with SIGSTOP at a moment when it has effects under way in the database, and does not hold the write
 * lock of the log. While a stopped process holds that, nobody can write, as on a frozen disk: a limit of the embedded
 * log, and not the fault that is meant here; so it goes on at once, before any sender is refused. Answers how many
 * transactions stand open.
 */
export async function freezeWithinTransactions(child: Child, around: Around): Promise<number> {
  const opened = await around.openLog()
  try {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      await child.freeze()
      // Only in a folder does a writer hold a lock: on Kafka a slow answer would be taken for one.
      if (opened.log.kind !== 'embedded' || (await canWrite(opened.log))) {
        await wait(LOOK_MS)
        const open = await standingTransactions(around.databaseUrl)
        if (open > 0) return open
      }
      await child.thaw()
      await wait(20 + 60 * Math.random())
    }
  } finally {
    await opened.close()
  }
  throw new Error(
    `${child.name} was stopped ${TRIES} times, each time without a transaction or within a commit`,
  )
}

const TRIES = 60
const WRITE_MS = 500
const LOOK_MS = 600

/** Takes the write lock, and changes nothing. */
async function canWrite(log: Log): Promise<boolean> {
  const written = log.topics.delete('never-made').then(
    () => true,
    () => false,
  )
  return await Promise.race([written, wait(WRITE_MS, false)])
}

/** Those that hold the lock of a lease for long: only a process that stands still keeps one. */
async function standingTransactions(databaseUrl: string): Promise<number> {
  const [row] = await query(
    databaseUrl,
    `select count(distinct a.pid)::int as open
      from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.classid = 4242
      where l.granted and a.datname = current_database() and a.state = 'idle in transaction'
        and a.state_change < clock_timestamp() - make_interval(secs => $1)`,
    [(LOOK_MS - 200) / 1_000],
  )
  return Number(row?.['open'])
}
