import type { CollectObserver, SpoolStatus } from '../collect/index.ts'
import type { ConsumeObserver, GroupStatus } from '../consume/index.ts'
import { HoldfastError, type Clock } from '../event/index.ts'
import type { LogObserver, LogSystem } from '../log/index.ts'
import {
  createMetrics,
  RateMeter,
  replayStandings,
  type Metrics,
  type PublishSource,
  type Standing,
  type TopicStanding,
} from '../observe/index.ts'
import type { BreakerObserver, BreakerStatus, DeadLetters, ReplayState } from '../recover/index.ts'
import type { OutboxStatus, PoolStatus, SinkObserver } from '../sink/index.ts'
import { version } from '../version.ts'
import { SharedLook } from './shared-look.ts'
import type { Readiness, StatusReport } from './status-report.ts'

/** What a monitor asks of the app that it watches. */
export interface Watched {
  readonly name: string
  readonly system: LogSystem
  /** The topics of which figures are told. */
  topicsSeen(): Promise<readonly string[]>
  groups(): Promise<readonly GroupStatus[]>
  breakers(): readonly BreakerStatus[]
  /** Connections to the database. */
  pools(): readonly PoolStatus[]
  /** What the spool of its collector holds. Undefined where there is none. */
  spoolSeen(): SpoolStatus | undefined
  /** Why the log, on other machines, is known not to answer. Undefined while it is not known to be away. */
  awayBecause(): string | undefined
  /** What waits in the outbox, as the relay of this process saw it last. */
  outboxSeen(): OutboxStatus | undefined
  /** The replays of the log as far as this process has read them; none where it reads them not. */
  replaysSeen(): Promise<readonly ReplayState[]>
  dead(group: string): DeadLetters
  /** Whether events can be taken in. */
  ready(): Promise<Readiness>
}

/** Counts what an app does, and says at any time where it stands. */
export interface Monitor {
  readonly observer: Required<ConsumeObserver> & { readonly breaker: Required<BreakerObserver> }
  readonly collect: Required<CollectObserver>
  readonly log: Required<LogObserver>
  readonly sink: Required<SinkObserver>
  /** Events that a call in this process, or its relay, made durable in the log. */
  published(of: { topic: string; source: PublishSource; count: number; seconds: number }): void
  /** Puts the series of these topics and of the app's groups at 0. */
  declare(topics: readonly string[], groups: readonly Pick<GroupStatus, 'group' | 'topics'>[]): void
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>
  report(): Promise<StatusReport>
}

/** Letters of each group that a report shows. */
const NEWEST_LETTERS = 5
/** How long whoever asks waits for the log: whoever scrapes gives up after ten seconds. Milliseconds. */
const PATIENCE_MS = 5_000
/** The same while the log is known to be away. */
const AWAY_PATIENCE_MS = 500
const NOTHING: Looked = {
  standing: {
    groups: [],
    letters: [],
    topics: [],
    space: undefined,
    pools: [],
    outbox: undefined,
    replays: [],
  },
  letters: [],
}

/** All that has to be asked of the log. */
interface Looked {
  readonly standing: Standing
  readonly letters: StatusReport['letters']
}

export function monitor(app: Watched, clock: Clock): Monitor {
  const looks = looksAt(app, clock)
  const metrics = createMetrics({
    version,
    standing: async () => {
      const { value, at = 0 } = await looks.take()
      return value && { ...value.standing, at }
    },
    spool: () => app.spoolSeen(),
  })
  const startedAt = clock.now()
  const taken = new RateMeter(clock)
  const done = new Map<string, RateMeter>()
  /** Since when each breaker has not been closed. Its own time starts anew with every probe that fails. */
  const awaySince = new Map<string, number>()
  const meterOf = (group: string): RateMeter => {
    const meter = done.get(group) ?? new RateMeter(clock)
    done.set(group, meter)
    return meter
  }
  return {
    observer: {
      ...metrics.consume,
      breaker: {
        ...metrics.breaker,
        changed(of) {
          metrics.breaker.changed(of)
          if (of.to === 'CLOSED') awaySince.delete(of.name)
          else if (!awaySince.has(of.name)) awaySince.set(of.name, clock.now())
        },
      },
      completed(of) {
        metrics.consume.completed(of)
        meterOf(of.group).count(1)
      },
    },
    collect: {
      ...metrics.collect,
      published(of) {
        metrics.collect.published(of)
        taken.count(of.count)
      },
    },
    log: metrics.log,
    sink: metrics.sink,
    published(of) {
      metrics.publish.published(of)
      taken.count(of.count)
    },
    declare(topics, groups) {
      const subscriptions = groups.flatMap(({ group, topics }) => topics.map(topic => ({ group, topic })))
      metrics.declare({ topics, subscriptions })
      for (const { group } of groups) meterOf(group)
    },
    metrics,
    async report() {
      const [seen, ready] = await Promise.all([looks.take(), app.ready()])
      const { standing, letters } = seen.value ?? NOTHING
      const { kind, durability } = app.system.log
      return {
        at: clock.now(),
        app: { name: app.name, version, startedAt },
        ready,
        log: { kind, durability },
        spool: app.spoolSeen(),
        away: seen.late,
        seenAt: seen.at,
        standing,
        rates: {
          in: taken.perSecond(),
          done: Object.fromEntries([...done].map(([group, meter]) => [group, meter.perSecond()])),
        },
        breakers: breakersOf(app, awaySince),
        letters,
      }
    },
  }
}

/** One at a time, however many ask. Nobody is kept waiting for long by a log that is known to be away. */
function looksAt(app: Watched, clock: Clock): SharedLook<Looked> {
  return new SharedLook<Looked>({
    look: async () => {
      const standing = await standingOf(app)
      return { standing, letters: await lettersOf(app, standing.groups) }
    },
    clock,
    patience() {
      const reason = app.awayBecause()
      return reason === undefined
        ? { ms: PATIENCE_MS, late: `it has not told all within ${PATIENCE_MS / 1_000} seconds` }
        : { ms: AWAY_PATIENCE_MS, late: new HoldfastError('LOG_STALLED', { detail: reason }).message }
    },
  })
}

function breakersOf(app: Watched, awaySince: ReadonlyMap<string, number>): StatusReport['breakers'] {
  return app.breakers().map(({ name, state, reason, since, transitions }) => ({
    name,
    state,
    reason,
    since: awaySince.get(name) ?? since,
    everOpened: transitions > 0,
  }))
}

async function standingOf(app: Watched): Promise<Standing> {
  const { system } = app
  const names = await app.topicsSeen()
  const topics = await Promise.all(names.map(topic => topicStanding(system, topic)))
  const groups = await app.groups()
  const letters = groups.map(async ({ group, topics: on }) => {
    const open = await app.dead(group).openByTopic()
    return on.map(topic => {
      const { letters = 0, oldestAt } = open.get(topic) ?? {}
      return { group, topic, open: letters, oldestAt }
    })
  })
  return {
    groups,
    letters: (await Promise.all(letters)).flat(),
    topics: topics.filter(topic => topic !== undefined),
    space: system.space?.(),
    pools: app.pools(),
    outbox: app.outboxSeen(),
    replays: replayStandings(await app.replaysSeen()),
  }
}

async function topicStanding(system: LogSystem, topic: string): Promise<TopicStanding | undefined> {
  const { log } = system
  const settings = await log.topics.describe(topic)
  if (settings === undefined) return undefined // deleted since it was listed
  const partitions = Array.from({ length: settings.partitions }, async (_, partition) => ({
    topic,
    partition,
    ...(await log.bounds({ topic, partition })),
  }))
  const sizes = partitions.map((_, partition) => system.bytesOf?.({ topic, partition }))
  const bytes = system.bytesOf && sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  return { topic, retentionMs: settings.retentionMs, bytes, partitions: await Promise.all(partitions) }
}

async function lettersOf(app: Watched, groups: readonly GroupStatus[]): Promise<StatusReport['letters']> {
  const reports: StatusReport['letters'][number][] = []
  for (const { group } of groups) {
    for await (const letter of app.dead(group).list({ limit: NEWEST_LETTERS })) {
      const { topic, partition, offset, key, reason, last, diedAt } = letter
      const place = { group, topic, partition, offset: BigInt(offset) }
      reports.push({ ...place, key, reason, message: last.message, at: diedAt })
    }
  }
  return reports.toSorted((a, b) => b.at - a.at)
}
