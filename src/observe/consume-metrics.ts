import { Counter, type Registry } from 'prom-client'
import type {
  AttemptResult,
  ConsumeObserver,
  DeathReason,
  FailureReason,
  ReplayResult,
} from '../consume/index.ts'
import { longBuckets, shortBuckets } from './buckets.ts'
import { tallyCounter, tallyHistogram, type HistogramTally, type Tally } from './tally.ts'

const results: readonly AttemptResult[] = ['ok', 'duplicate', 'retried', 'dead_lettered', 'skipped']
const replayResults: readonly ReplayResult[] = ['ok', 'dead_lettered']
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
  'process-died',
  'cancelled',
  'crowded',
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
  const processed = tallyCounter({
    name: 'events_processed_total',
    help: 'Attempts by outcome. Attempts, not events: the share of failures never passes 1 under retries',
    labelNames: ['topic', 'group', 'result'],
    registry,
  })
  const failed = new Counter({
    name: 'events_failed_total',
    help: 'Failed attempts by why',
    labelNames: ['topic', 'group', 'reason'],
    registers,
  })
  const handling = tallyHistogram({
    name: 'event_processing_duration_seconds',
    help: 'Time in the handler, for an event or a batch of them',
    labelNames: ['topic', 'group'],
    buckets: shortBuckets,
    registry,
  })
  const endToEnd = tallyHistogram({
    name: 'event_end_to_end_latency_seconds',
    help: 'From the append to the durable outcome',
    labelNames: ['topic', 'group'],
    buckets: longBuckets,
    registry,
  })
  const rebalances = new Counter({
    name: 'consumer_group_rebalances_total',
    help: 'Times that partitions of the group changed hands',
    labelNames: ['group'],
    registers,
  })
  const dead = new Counter({
    name: 'dead_letters_total',
    help: 'Dead letters written, by why; one that is written again because its process died counts again',
    labelNames: ['topic', 'group', 'reason'],
    registers,
  })
  const replays = new Counter({
    name: 'dead_letter_replays_total',
    help: 'Replays of dead letters that came to their end, by how',
    labelNames: ['topic', 'group', 'result'],
    registers,
  })
  const scheduled = new Counter({
    name: 'retries_scheduled_total',
    help: 'Failed attempts after which the event waits for another',
    labelNames: ['topic', 'group'],
    registers,
  })
  const duplicates = new Counter({
    name: 'dedup_hits_total',
    help: 'Events that the inbox knew already',
    labelNames: ['group'],
    registers,
  })

  const seriesOf = rememberLast(({ topic, group }: Subscription): EventSeries => ({
    attempts: Object.fromEntries(
      results.map(result => [result, processed({ topic, group, result })]),
    ) as Record<AttemptResult, Tally>,
    handling: handling({ topic, group }),
    endToEnd: endToEnd({ topic, group }),
  }))
  const declare = (subscriptions: readonly Subscription[]): void => {
    for (const { group, topic } of subscriptions) {
      seriesOf({ group, topic })
      for (const reason of failures) failed.inc({ topic, group, reason }, 0)
      for (const reason of deaths) dead.inc({ topic, group, reason }, 0)
      for (const result of replayResults) replays.inc({ topic, group, result }, 0)
      rebalances.inc({ group }, 0)
      scheduled.inc({ topic, group }, 0)
      duplicates.inc({ group }, 0)
    }
  }
  const observer: Required<ConsumeObserver> = {
    attempted(of) {
      seriesOf(of).attempts[of.result].value += of.count
      if (of.result === 'duplicate') duplicates.inc({ group: of.group }, of.count)
      if (of.result === 'retried') scheduled.inc({ topic: of.topic, group: of.group }, of.count)
    },
    failed({ topic, group, reason, count }) {
      failed.inc({ topic, group, reason }, count)
    },
    handled(of) {
      seriesOf(of).handling.observe(of.seconds)
    },
    completed(of) {
      seriesOf(of).endToEnd.observe(of.seconds)
    },
    // Read from the log's own positions at scrape time: see log-gauges.ts.
    committed() {},
    rebalanced({ group }) {
      rebalances.inc({ group })
    },
    deadLettered({ topic, group, reason }) {
      dead.inc({ topic, group, reason })
    },
    replayed({ topic, group, result }) {
      replays.inc({ topic, group, result })
    },
  }
  return { observer, declare }
}

/** What each event of a group changes. */
interface EventSeries {
  readonly attempts: Readonly<Record<AttemptResult, Tally>>
  readonly handling: HistogramTally
  readonly endToEnd: HistogramTally
}

/** Makes the series of a subscription once. Events come in runs of one group and topic, so the last answer is at hand. */
function rememberLast<T>(make: (of: Subscription) => T): (of: Subscription) => T {
  const made = new Map<string, T>()
  let last: { group: string; topic: string; series: T } | undefined
  return ({ group, topic }) => {
    if (last?.group === group && last.topic === topic) return last.series
    const name = `${group}/${topic}`
    const series = made.get(name) ?? make({ group, topic })
    made.set(name, series)
    last = { group, topic, series }
    return series
  }
}
