import { HoldfastError } from '../../event/index.ts'
import type { Database, Lease, Sink, SinkEnvironment } from '../../sink/index.ts'
import { apply } from './apply.ts'
import { currentBuckets, ensureBuckets, pruneBuckets } from './buckets.ts'
import { importPg } from './client.ts'
import { CONTROL_CONNECTIONS, openConnections, RELAY_CONNECTIONS } from './connections.ts'
import { beginText, type Driver, type PostgresLease } from './driver.ts'
import { isBadData, isOutage } from './errors.ts'
import { examine } from './examine.ts'
import { knownFrom, lookUp } from './look-up.ts'
import { migrate } from './migrate.ts'
import { DAY_MS, resolvePostgresOptions, type PostgresOptions } from './options.ts'
import { outbox } from './outbox.ts'
import { renameGroup } from './rename-group.ts'
import { inGeneration, reprocess, reprocessed, reprocessedTo } from './reprocess.ts'
import { takeOver } from './take-over.ts'

/**
 * PostgreSQL 14 or newer as the place of effects, through the npm package `pg`. Works through PgBouncer in transaction
 * mode. `url` is a connection string such as `postgres://user:password@host:5432/app`.
 */
export function postgres(url: string | undefined, options?: PostgresOptions): Database {
  const resolved = resolvePostgresOptions(options)
  const where = whereOf(url)
  return {
    kind: 'postgres',
    where,
    async open(env) {
      const pg = await importPg()
      const connections = openConnections(pg, url ?? '', resolved, env)
      return openSink({
        ...pick(env),
        connections,
        options: resolved,
        beginText: beginText(resolved),
        limitMs: resolved.connectTimeoutMs + resolved.lockTimeoutMs * 2,
      })
    },
    async examine(env) {
      const connections = openConnections(await importPg(), url ?? '', resolved, env)
      try {
        const taken = resolved.maxConnections + CONTROL_CONNECTIONS + RELAY_CONNECTIONS
        return await connections.control(resolved.connectTimeoutMs * 2, session => examine(session, taken))
      } finally {
        await connections.close()
      }
    },
  }
}

function openSink(driver: Driver): Sink {
  const { connections, options, limitMs } = driver
  return {
    name: options.name,
    maxConcurrent: options.maxConnections,
    async migrate() {
      await connections.control(DAY_MS, migrate)
      await ensureBuckets(driver, currentBuckets(driver.clock.now()))
    },
    async probe(signal) {
      await connections.control(limitMs, session => session.query('select 1'), signal)
    },
    takeOver: (scope, confirm, since) => takeOver(driver, scope, confirm, since),
    apply: (lease, records, options, work) => apply(driver, ours(lease), records, options, work),
    reprocess: (lease, range, reset, signal) => reprocess(driver, ours(lease), range, reset, signal),
    reprocessedTo: (lease, job, progress) => reprocessedTo(driver, ours(lease), job, progress),
    reprocessed: scope => reprocessed(driver, scope),
    inGeneration: (lease, generation) => inGeneration(driver, ours(lease), generation),
    lookUp: (scope, records, signal) => lookUp(driver, scope, records, signal),
    knownFrom: scope => knownFrom(driver, scope),
    renameGroup: (from, to) => renameGroup(driver, from, to),
    isOutage,
    isBadData,
    outbox: outbox(driver),
    prune: before => pruneBuckets(driver, before),
    pools: () => connections.pools(),
    close: once(() => connections.close()),
  }
}

function ours(lease: Lease): PostgresLease {
  if ('grp' in lease) return lease as PostgresLease
  throw new HoldfastError('INTERNAL', { detail: 'the lease is not one that this sink gave' })
}

/** Host and database for people. The password, and what else a URL may carry, stays out. */
function whereOf(url: string | undefined): string {
  try {
    const { protocol, host, pathname } = new URL(url ?? '')
    if (protocol === 'postgres:' || protocol === 'postgresql:') return `${host || 'localhost'}${pathname}`
  } catch {
    // Told below, without the text: it may hold a password.
  }
  const got = url === undefined ? 'undefined' : 'something else'
  throw new HoldfastError('CONFIG_INVALID', {
    detail: `postgres(url) must be a URL such as postgres://user:password@host:5432/app, got ${got}`,
  })
}

function pick({ clock, random, logger }: SinkEnvironment): SinkEnvironment {
  return { clock, random, logger }
}

function once(fn: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= fn())
}
