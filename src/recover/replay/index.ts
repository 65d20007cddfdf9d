export type { Assignment, ReplayPart, ReplayState } from './job-book.ts'
export {
  JOB_TOPIC,
  noCounts,
  replayModes,
  type JobCounts,
  type Progress,
  type Range,
  type ReplayMode,
} from './job-record.ts'
export { jobTopic, type JobTopic } from './job-topic.ts'
export { letteredIn, type Lettered } from './lettered.ts'
export { replayRanges, type ReplayRange } from './replay-ranges.ts'
