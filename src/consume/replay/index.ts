export {
  fillRanges,
  planReplay,
  reprocessRanges,
  type PlanCounts,
  type ReplayPlan,
  type ReplayScope,
} from './plan-replay.ts'
export { beginRange, RangeRun, type RangeParts, type Refused } from './range-run.ts'
export { replayWorker, type ReplayWorker } from './replay-worker.ts'
