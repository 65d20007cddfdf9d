import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CollectObserver, SpoolStatus } from '../collect/index.ts'
import type { ConsumeObserver } from '../consume/index.ts'
import type { LogObserver } from '../log/index.ts'
import type { BreakerObserver } from '../recover/index.ts'
import type { SinkObserver } from '../sink/index.ts'
import { breakerMetrics } from './breaker-metrics.ts'
import { countBuckets, shortBuckets } from './buckets.ts'
import { collectMetrics } from './collect-metrics.ts'
import { consumeMetrics, type Subscription } from './consume-metrics.ts'
import { logGauges } from './log-gauges.ts'
import { publishMetrics, type PublishMetrics } from './publish-metrics.ts'
import { spoolGauges } from './spool-gauges.ts'
import type { Standing } from './standing.ts'

/** Prometheus metrics of one app: observers to hand to its parts, and the text that a scrape gets. */
export interface Metrics {
  readonly consume: Required<ConsumeObserver>
  readonly breaker: Required<BreakerObserver>
  readonly publish: PublishMetrics
  readonly collect: Required<CollectObserver>
  readonly log: Required<LogObserver>
  readonly sink: Required<SinkObserver>
  /** Puts every series of these groups and topics at 0, before they have anything to count. */
  declare(of: Declared): void
  /** Media type of {@link Metrics.text}. */
  readonly contentType: string
  /**
   * The exposition. Gauges are as of this call, or as `standing` was known last, which one of them says; when it rejects,
   * they keep their last values.
   */
  text(): Promise<string>
}

export interface Declared {
  readonly topics: readonly string[]
  /** The groups of the app with the topics that they read. */
  readonly subscriptions: readonly Subscription[]
}

export interface MetricsOptions {
  readonly version: string
  /** Asked at each scrape. `at`: when it was so, milliseconds since 1970. Undefined when it was never known. */
  readonly standing: () => Promise<(Standing & { readonly at: number }) | undefined>
  /** The same; it never asks the log. Undefined where there is no spool. */
  readonly spool?: (() => SpoolStatus | undefined) | undefined
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  new Gauge({
    name: 'holdfast_build_info',
    help: '1, with what is running',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: options.version, node: process.versions.node }, 1)
  const setGauges = logGauges(registry)
  const seenAt = new Gauge({
    name: 'holdfast_standing_timestamp_seconds',
    help: 'When what the log and its groups show here was read; 0 when it never was',
    registers: [registry],
  })
  const setSpool = spoolGauges(registry)
  const consume = consumeMetrics(registry)
  const publish = publishMetrics(registry)
  const syncs = new Histogram({
    name: 'log_fsync_duration_seconds',
    help: 'From the write of a commit of the log to its durability',
    buckets: shortBuckets,
    registers: [registry],
  })
  const renewals = new Counter({
    name: 'log_producer_renewals_total',
    help: 'Times that a broker had lost the sequence of a producer: what was not acknowledged may stand in the log twice',
    registers: [registry],
  })
  const batches = new Histogram({
    name: 'sink_batch_events',
    help: 'Events for which one transaction of the sink was made',
    labelNames: ['sink'],
    buckets: countBuckets,
    registers: [registry],
  })
  const flushes = new Histogram({
    name: 'sink_flush_duration_seconds',
    help: 'From the wait for a connection to the commit, with repetitions',
    labelNames: ['sink'],
    buckets: shortBuckets,
    registers: [registry],
  })
  return {
    consume: consume.observer,
    publish,
    collect: collectMetrics(registry, publish),
    log: { synced: ({ seconds }) => syncs.observe(seconds), renewed: () => renewals.inc() },
    sink: {
      opened({ sink }) {
        batches.zero({ sink })
        flushes.zero({ sink })
      },
      flushed({ sink, events, seconds }) {
        batches.observe({ sink }, events)
        flushes.observe({ sink }, seconds)
      },
    },
    declare({ topics, subscriptions }) {
      consume.declare(subscriptions)
      publish.declare(topics)
    },
    breaker: breakerMetrics(registry),
    contentType: registry.contentType,
    async text() {
      // The counters matter most while something is broken: a log that cannot be asked does not hide them.
      const standing = await options.standing().catch(() => undefined)
      if (standing !== undefined) {
        setGauges(standing)
        seenAt.set(standing.at / 1_000)
      }
      const spool = options.spool?.()
      if (spool !== undefined) setSpool(spool)
      return registry.metrics()
    },
  }
}
