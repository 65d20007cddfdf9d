import { hostname } from 'node:os'
import process from 'node:process'
import { postgres } from '../drivers/postgres/index.ts'
import {
  HoldfastError,
  newEventId,
  parseDuration,
  silentLogger,
  systemClock,
  systemRandom,
} from '../event/index.ts'
import { drainOutbox } from '../outbox/index.ts'
import type { Outbox } from '../sink/index.ts'
import { CliError, exitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { onLog, type OnLogOptions } from './on-log.ts'
import { table } from './table.ts'

interface OutboxOptions {
  readonly url?: string
}

/** Prints what waits in the outbox of a database, who moves it, and which transaction holds it back. */
export async function outboxStatus(
  { url, output }: OutboxOptions & { readonly output: 'table' | 'json' },
  io: CliIo,
): Promise<void> {
  const { pending, countedUpTo, oldestAt, owner, heldBackBy } = await withOutbox(url, io, outbox =>
    outbox.status(),
  )
  const oldest = oldestAt === undefined ? null : new Date(oldestAt).toISOString()
  const held = heldBackBy && { ...heldBackBy, pid: heldBackBy.pid ?? null }
  if (output === 'json') {
    const report = { format: 1, pending, countedUpTo, oldest, relay: owner ?? null, heldBackBy: held ?? null }
    return io.out(`${JSON.stringify(report, undefined, 2)}\n`)
  }
  const rows = [
    ['not in the log yet', pending >= countedUpTo ? `${countedUpTo} or more` : String(pending)],
    ['oldest of them', oldest ?? '-'],
    ['moved by', owner ?? 'nobody'],
    ['held back by', held ? `${held.name}, pid ${held.pid ?? '-'}, open for ${held.forMs} ms` : '-'],
  ]
  io.out(table(['outbox', ''], rows))
}

export interface DrainOptions extends OutboxOptions, OnLogOptions {
  readonly wait: string
  readonly output: 'table' | 'json'
}

/**
 * Moves what waits to the log while no relay runs: before a database is given up, or when the relay's process cannot be
 * started. Refused while a relay works, which moves the rows anyway.
 */
export async function outboxDrain({ url, output, wait, ...where }: DrainOptions, io: CliIo): Promise<void> {
  const waitMs = parseDuration(wait, '--wait')
  const owner = `drain:${hostname()}:${process.pid}:${newEventId(systemClock, systemRandom)}`
  const logger = { ...silentLogger, error: (_: unknown, text: string) => io.err(`${text}\n`) }
  const env = { clock: systemClock, logger }
  const drained = await withOutbox(url, io, outbox =>
    onLog(where, io, ({ system }) => drainOutbox({ ...env, outbox, system, owner, waitMs })),
  )
  if (drained.kind === 'busy') {
    throw new CliError(`a relay works on this outbox: ${drained.owner ?? 'unknown'}`, exitCode.refused, {
      next: 'Nothing to do: it moves what waits, `holdfast outbox status` shows how much. A relay that was killed is waited for 3 s.',
    })
  }
  const { moved, left } = drained
  const report = { format: 1, moved, pending: left.pending }
  io.out(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : `${moved} rows moved to the log\n`)
  const { heldBackBy: holder } = left
  if (left.pending === 0 || !holder) return
  throw new CliError(
    `${left.pending} ${left.pending === 1 ? 'row waits' : 'rows wait'} for a transaction that is still open: ${holder.name}, pid ${holder.pid ?? '-'}`,
    exitCode.failed,
    { next: 'End that transaction, then drain again.' },
  )
}

/** After a restore into another cluster; see the error `OUTBOX_FENCE`. Says what it would do unless told to `execute`. */
export async function outboxRebase(
  { url, execute }: OutboxOptions & { readonly execute?: boolean },
  io: CliIo,
): Promise<void> {
  if (execute) {
    const rows = await withOutbox(url, io, outbox => outbox.rebase())
    return io.err(`${rows} rows carry transaction ids of this cluster now; the relay goes on with them\n`)
  }
  const { pending } = await withOutbox(url, io, outbox => outbox.status())
  io.err(
    `would give ${pending} rows that are not in the log, and those kept that are, a transaction id of this cluster, in their old order, and move all of them; nothing was changed\n`,
  )
  io.err('next: the same with --execute, while no relay runs on the database that it was restored from\n')
}

export async function withOutbox<T>(
  url: string | undefined,
  io: CliIo,
  use: (outbox: Outbox) => Promise<T>,
): Promise<T> {
  const target = url ?? io.env['DATABASE_URL']
  if (target === undefined || target === '') {
    throw new CliError('no database is named', exitCode.usage, {
      next: 'Set DATABASE_URL or pass --url postgres://user:password@host/name. That of npm start is databaseUrl in .holdfast/run.json.',
    })
  }
  const database = postgres(target)
  const sink = await database.open({ clock: systemClock, random: systemRandom, logger: silentLogger })
  try {
    if (!sink.outbox) throw new HoldfastError('OUTBOX_MISSING', { detail: database.where })
    return await use(sink.outbox)
  } finally {
    await sink.close()
  }
}
