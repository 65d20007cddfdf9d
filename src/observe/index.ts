export { createMetrics, type Metrics } from './metrics.ts'
export type { PublishSource } from './publish-metrics.ts'
export { RateMeter } from './rate-meter.ts'
export { lettersIn, type Standing, type TopicStanding } from './standing.ts'
