import { describe, expect, it } from 'vitest'
import { offset } from '../event/index.ts'
import { boundedLabel, OVERFLOW } from './bounded-label.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Standing } from './standing.ts'

const standing: Standing = {
  space: { usedBytes: 48_300_000, freeBytes: 5_000 },
  pools: [{ pool: 'work', busy: 3, idle: 1, waiting: 7 }],
  outbox: {
    pending: 12,
    countedUpTo: 100,
    oldestAt: 1_700_000_000_500,
    owner: 'a',
    heldBackBy: { pid: 7, name: 'psql in shop', forMs: 9_000 },
  },
  topics: [
    {
      topic: 'events.raw',
      retentionMs: 7_000,
      bytes: 4_096,
      partitions: [{ topic: 'events.raw', partition: 0, start: 3n, end: 10n }],
    },
    {
      topic: 'events.raw.analytics.dead',
      retentionMs: undefined,
      bytes: undefined,
      partitions: [{ topic: 'events.raw.analytics.dead', partition: 0, start: 1n, end: 3n }],
    },
  ],
  letters: [{ group: 'analytics', topic: 'events.raw', open: 2, oldestAt: 1_700_000_001_500 }],
  replays: [
    {
      group: 'analytics',
      jobs: { waiting: 1, running: 2, cancelling: 0, done: 3, cancelled: 0 },
      settled: 40,
      remaining: 60,
      standingStill: 1,
      why: 'it is broken',
    },
  ],
  groups: [
    {
      group: 'analytics',
      topics: ['events.raw'],
      state: 'running',
      reason: undefined,
      members: ['host/1', 'host/2'],
      lag: 6n,
      lagSeconds: 1.5,
      parked: 0,
      deadLetters: 2,
      partitions: [
        {
          topic: 'events.raw',
          partition: 0,
          state: 'running',
          reason: undefined,
          committed: offset(4),
          end: offset(10),
          lag: 6n,
          lagSeconds: 1.5,
          inFlight: 1,
          parked: 5,
        },
      ],
    },
  ],
}

function metricsOf(ask: () => Promise<Standing> = async () => standing): Metrics {
  const metrics = createMetrics({
    version: '0.0.0-test',
    standing: async () => ({ ...(await ask()), at: 1_700_000_002_000 }),
  })
  metrics.declare({ topics: ['events.raw'], subscriptions: [{ group: 'analytics', topic: 'events.raw' }] })
  return metrics
}

/** Value of one series, undefined when it is not exposed. */
async function series(metrics: Metrics, name: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find(each => each.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}

describe('metrics', () => {
  it('exposes every counter of a declared group at 0 before the first event', async () => {
    const text = await metricsOf().text()
    for (const expected of [
      'events_processed_total{topic="events.raw",group="analytics",result="ok"} 0',
      'events_processed_total{topic="events.raw",group="analytics",result="dead_lettered"} 0',
      'events_failed_total{topic="events.raw",group="analytics",reason="timeout"} 0',
      'dead_letters_total{topic="events.raw",group="analytics",reason="schema"} 0',
      'dead_letter_replays_total{topic="events.raw",group="analytics",result="ok"} 0',
      'dedup_hits_total{group="analytics"} 0',
      'events_published_total{topic="events.raw",source="http"} 0',
      'event_publish_duration_seconds_count{topic="events.raw"} 0',
      'consumer_group_rebalances_total{group="analytics"} 0',
      'event_end_to_end_latency_seconds_count{topic="events.raw",group="analytics"} 0',
    ]) {
      expect(text).toContain(expected)
    }
  })

  it('counts attempts and, of them, what the inbox knew', async () => {
    const metrics = metricsOf()
    const of = { topic: 'events.raw', group: 'analytics' }
    metrics.consume.attempted({ ...of, result: 'ok', count: 7 })
    metrics.consume.attempted({ ...of, result: 'duplicate', count: 2 })
    expect(
      await series(metrics, 'events_processed_total{topic="events.raw",group="analytics",result="ok"}'),
    ).toBe(7)
    expect(await series(metrics, 'dedup_hits_total{group="analytics"}')).toBe(2)
  })

  it('shows a breaker as one series per state, of which one is 1', async () => {
    const metrics = metricsOf()
    metrics.breaker.changed({ name: 'db', from: undefined, to: 'CLOSED', reason: 'start' })
    metrics.breaker.changed({ name: 'db', from: 'CLOSED', to: 'OPEN', reason: '5 failures' })
    expect(await series(metrics, 'circuit_breaker_state{name="db",state="OPEN"}')).toBe(1)
    expect(await series(metrics, 'circuit_breaker_state{name="db",state="CLOSED"}')).toBe(0)
    expect(
      await series(metrics, 'circuit_breaker_state_changes_total{name="db",from="CLOSED",to="OPEN"}'),
    ).toBe(1)
    expect(
      await series(metrics, 'circuit_breaker_state_changes_total{name="db",from="HALF_OPEN",to="CLOSED"}'),
    ).toBe(0)
  })

  it('reads lag, positions and unresolved letters when it is scraped', async () => {
    const metrics = metricsOf()
    const labels = '{topic="events.raw",group="analytics",partition="0"}'
    expect(await series(metrics, `consumer_lag_messages${labels}`)).toBe(6)
    expect(await series(metrics, `consumer_lag_seconds${labels}`)).toBe(1.5)
    expect(await series(metrics, `consumer_committed_offset${labels}`)).toBe(4)
    expect(await series(metrics, 'holdfast_standing_timestamp_seconds')).toBe(1_700_000_002)
    expect(await series(metrics, 'consumer_group_members{group="analytics"}')).toBe(2)
    expect(await series(metrics, 'dead_letter_messages{topic="events.raw",group="analytics"}')).toBe(2)
    expect(
      await series(metrics, 'dead_letter_oldest_timestamp_seconds{topic="events.raw",group="analytics"}'),
    ).toBe(1_700_000_001.5)
    expect(await series(metrics, 'replay_jobs{group="analytics",state="running"}')).toBe(2)
    expect(await series(metrics, 'replay_jobs{group="analytics",state="cancelled"}')).toBe(0)
    expect(await series(metrics, 'replay_settled_events{group="analytics"}')).toBe(40)
    expect(await series(metrics, 'replay_remaining_events{group="analytics"}')).toBe(60)
    expect(await series(metrics, 'replay_parts_standing_still{group="analytics"}')).toBe(1)
    expect(await series(metrics, 'retry_pending_messages{topic="events.raw",group="analytics"}')).toBe(5)
    expect(await series(metrics, 'log_start_offset{topic="events.raw",partition="0"}')).toBe(3)
    expect(await series(metrics, 'log_retention_seconds{topic="events.raw"}')).toBe(7)
    expect(await series(metrics, 'log_disk_free_bytes')).toBe(5_000)
    expect(await series(metrics, 'log_size_bytes{topic="events.raw"}')).toBe(4_096)
    expect(await series(metrics, 'db_connection_pool_size{pool="work",state="busy"}')).toBe(3)
    expect(await series(metrics, 'db_connection_pool_waiting{pool="work"}')).toBe(7)
    expect(await series(metrics, 'outbox_pending_messages{outbox="db"}')).toBe(12)
    expect(await series(metrics, 'outbox_oldest_pending_timestamp_seconds{outbox="db"}')).toBe(
      1_700_000_000.5,
    )
    expect(await series(metrics, 'outbox_held_back_seconds{outbox="db"}')).toBe(9)
  })

  it('drops the lag of a partition that another process has taken over', async () => {
    let now = standing
    const metrics = metricsOf(async () => now)
    const name = 'consumer_lag_messages{topic="events.raw",group="analytics",partition="0"}'
    expect(await series(metrics, name)).toBe(6)
    now = { ...standing, groups: standing.groups.map(group => ({ ...group, partitions: [] })) }
    expect(await series(metrics, name)).toBeUndefined()
  })

  it('still answers its counters when the log cannot be asked', async () => {
    const metrics = metricsOf(() => Promise.reject(new Error('the log is closed')))
    expect(await series(metrics, 'dedup_hits_total{group="analytics"}')).toBe(0)
  })
})

describe('labels that outsiders can influence', () => {
  it('hazard S18: a million different values make no more series than the bound', () => {
    const label = boundedLabel(50, ['events.raw'])
    const values = new Set<string>()
    for (let i = 0; i < 1_000_000; i++) values.add(label(`t${i}`))
    expect(values.size).toBe(50)
    expect(values.has(OVERFLOW)).toBe(true)
    expect(label('events.raw')).toBe('events.raw')
  })
})
