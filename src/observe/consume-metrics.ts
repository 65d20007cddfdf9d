import { Counter, Histogram, type Registry } from 'prom-client'
import type { AttemptResult, ConsumeObserver, DeathReason, FailureReason } from '../consume/index.ts'
import { longBuckets, shortBuckets } from './buckets.ts'

const results: readonly AttemptResult[] = ['ok', 'duplicate', 'retried', 'dead_lettered', 'skipped']
const failures: readonly FailureReason[] = ['transient', 'permanent', 'decode', 'schema', 'timeout']
const deaths: readonly DeathReason[] = [
  'decode',
  'schema',
  'data',
  'attempts',
  'stuck',
  'expired',
  'unhandled',
  'verdict',
]

/** A group and a topic that it reads. */
export interface Subscription {
  readonly group: string
  readonly topic: string
}

interface ConsumeMetrics {
  readonly observer: Required<ConsumeObserver>
  /** Puts every series of these at 0: a rate over a counter that appears with its first event misses that event. */
  declare(subscriptions: readonly Subscription[]): void
}

/** Counts what groups do. */
export function consumeMetrics(registry: Registry): ConsumeMetrics {
  const registers = [registry]
  const processed = new Counter({
    name: 'events_processed_total',
    help: 'Attempts by outcome. Attempts, not events: the share of failures never passes 1 under retries',
    labelNames: ['topic', 'group', 'result'],
    registers,
  })
  const failed = new Counter({
    name: 'events_failed_total',
    help: 'Failed attempts by why',
    labelNames: ['topic', 'group', 'reason'],
    registers,
  })
  const handling = new Histogram({
    name: 'event_processing_duration_seconds',
    help: 'Time in the handler, for an event or a batch of them',
    labelNames: ['topic', 'group'],
    buckets: shortBuckets,
    registers,
  })
  const endToEnd = new Histogram({
    name: 'event_end_to_end_latency_seconds',
    help: 'From the append to the durable outcome',
    labelNames: ['topic', 'group'],
    buckets: longBuckets,
    registers,
  })
  const rebalances = new Counter({
    name: 'consumer_group_rebalances_total',
    help: 'Times that partitions of the group changed hands',
    labelNames: ['group'],
    registers,
  })
  const dead = new Counter({
    name: 'dead_letters_total',
    help: 'Dead letters written, by why',
    labelNames: ['topic', 'group', 'reason'],
    registers,
  })
  const duplicates = new Counter({
    name: 'dedup_hits_total',
    help: 'Events that the inbox knew already',
    labelNames: ['group'],
    registers,
  })

  const declare = (subscriptions: readonly Subscription[]): void => {
    for (const { group, topic } of subscriptions) {
      for (const result of results) processed.inc({ topic, group, result }, 0)
      for (const reason of failures) failed.inc({ topic, group, reason }, 0)
      for (const reason of deaths) dead.inc({ topic, group, reason }, 0)
      rebalances.inc({ group }, 0)
      duplicates.inc({ group }, 0)
      handling.zero({ topic, group })
      endToEnd.zero({ topic, group })
    }
  }
  const observer: Required<ConsumeObserver> = {
    attempted({ topic, group, result, count }) {
      processed.inc({ topic, group, result }, count)
      if (result === 'duplicate') duplicates.inc({ group }, count)
    },
    failed({ topic, group, reason, count }) {
      failed.inc({ topic, group, reason }, count)
    },
    handled({ topic, group, seconds }) {
      handling.observe({ topic, group }, seconds)
    },
    completed({ topic, group, seconds }) {
      endToEnd.observe({ topic, group }, seconds)
    },
    // Read from the log's own positions at scrape time: see log-gauges.ts.
    committed() {},
    rebalanced({ group }) {
      rebalances.inc({ group })
    },
    deadLettered({ topic, group, reason }) {
      dead.inc({ topic, group, reason })
    },
  }
  return { observer, declare }
}
