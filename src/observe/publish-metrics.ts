import { Counter, Histogram, type Registry } from 'prom-client'
import { shortBuckets } from './buckets.ts'

/** The way that an event came in: through the collector, by a call in the process, or out of the outbox. */
export type PublishSource = 'http' | 'sdk' | 'outbox'

const sources: readonly PublishSource[] = ['http', 'sdk', 'outbox']

export interface PublishMetrics {
  /** Puts every series of these topics at 0. */
  declare(topics: readonly string[]): void
  /** Events that are durable in the log, `seconds` after their append began. Duplicates are not counted. */
  published(of: { topic: string; source: PublishSource; count: number; seconds: number }): void
  /** `reason` comes from a bounded set of codes. */
  failed(of: { topic: string; reason: string; count: number }): void
}

/** Counts what is appended to the log. */
export function publishMetrics(registry: Registry): PublishMetrics {
  const registers = [registry]
  const published = new Counter({
    name: 'events_published_total',
    help: 'Events durably appended, by the way they came in',
    labelNames: ['topic', 'source'],
    registers,
  })
  const failed = new Counter({
    name: 'events_publish_errors_total',
    help: 'Events that were not appended because the log refused or failed',
    labelNames: ['topic', 'reason'],
    registers,
  })
  const duration = new Histogram({
    name: 'event_publish_duration_seconds',
    help: 'From the append to its durability',
    labelNames: ['topic'],
    buckets: shortBuckets,
    registers,
  })
  return {
    declare(topics) {
      for (const topic of topics) {
        for (const source of sources) published.inc({ topic, source }, 0)
        failed.inc({ topic, reason: 'not_stored' }, 0)
        failed.inc({ topic, reason: 'outcome_unknown' }, 0)
        duration.zero({ topic })
      }
    },
    published({ topic, source, count, seconds }) {
      published.inc({ topic, source }, count)
      duration.observe({ topic }, seconds)
    },
    failed({ topic, reason, count }) {
      failed.inc({ topic, reason }, count)
    },
  }
}
