import { Counter, Histogram, type Registry } from 'prom-client'
import type { CollectObserver } from '../collect/index.ts'
import { boundedLabel } from './bounded-label.ts'
import { shortBuckets } from './buckets.ts'
import type { PublishMetrics } from './publish-metrics.ts'

/** Different values that one label may have. Routes, types and codes are declared sets well below it; this holds it. */
const MAX_LABEL_VALUES = 200

/** Counts what comes in over HTTP. Appends go to the metrics that all ways of publishing share. */
export function collectMetrics(registry: Registry, publish: PublishMetrics): Required<CollectObserver> {
  const registers = [registry]
  const requests = new Counter({
    name: 'collector_http_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'collector_http_request_duration_seconds',
    help: 'From the first byte of a request to its answer',
    labelNames: ['route'],
    buckets: shortBuckets,
    registers,
  })
  const rejected = new Counter({
    name: 'schema_validation_failures_total',
    help: 'Events refused at the door, by topic/type and the code of the problem answered',
    labelNames: ['subject', 'reason'],
    registers,
  })
  const spooled = new Counter({
    name: 'spool_written_messages_total',
    help: 'Events answered once they were durable in the spool of the collector',
    labelNames: ['topic'],
    registers,
  })
  const drained = new Counter({
    name: 'spool_drained_messages_total',
    help: 'Events of the spool that became durable in the log',
    labelNames: ['topic'],
    registers,
  })
  const routeLabel = boundedLabel(MAX_LABEL_VALUES)
  const subjectLabel = boundedLabel(MAX_LABEL_VALUES)
  return {
    answered({ route, status, seconds }) {
      const label = routeLabel(route)
      requests.inc({ route: label, status })
      duration.observe({ route: label }, seconds)
    },
    published: of => publish.published({ ...of, source: 'http' }),
    spooled: ({ topic, count }) => spooled.inc({ topic }, count),
    drained: ({ topic, count }) => drained.inc({ topic }, count),
    publishFailed: of => publish.failed(of),
    rejected({ topic, type, reason }) {
      rejected.inc({ subject: subjectLabel(`${topic}/${type}`), reason })
    },
  }
}
