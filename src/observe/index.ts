export { createMetrics, type Metrics } from './metrics.ts'
export type { PublishSource } from './publish-metrics.ts'
export { RateMeter } from './rate-meter.ts'
export type { Standing, TopicStanding } from './standing.ts'
