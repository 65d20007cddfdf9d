export { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
export { RateMeter } from './rate-meter.ts'
export { lettersIn, type Standing, type TopicStanding } from './standing.ts'
