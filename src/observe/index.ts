export { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
export { RateMeter } from './rate-meter.ts'
export type { Standing, TopicStanding } from './standing.ts'
