export { fillRanges, planFill, type PlanCounts, type ReplayPlan } from './plan-fill.ts'
export { replayWorker, type ReplayWorker } from './replay-worker.ts'
