export { resolveBreakerOptions, type BreakerOptions } from './breaker.ts'
export { classify } from './classify.ts'
export { dependency, type BreakerStatus, type Dependency, type Pass } from './dependency.ts'
export { describeFailure, failureText, shortened, type Failure } from './failure.ts'
export { FairQueue } from './fair-queue.ts'
export { floodGuard, type FloodGuard } from './flood-guard.ts'
export type { BreakerObserver, BreakerStateName } from './observer.ts'
export { deadTopicOf, isLaneOrDeadTopic } from './letters/dead-topic.ts'
export { ownTopicsOf } from './own-topics.ts'
export { askOwners, type Asked } from './letters/ask-owners.ts'
export { deadLetters } from './letters/dead-letters.ts'
export type {
  ActOptions,
  ActReport,
  DeadLetters,
  EditLettersOptions,
  EditReport,
  LetterDiff,
  LetterStats,
  ReplayOptions,
  ReplayReport,
  SelectionReport,
} from './letters/letters-api.ts'
export { groupsWithLetters } from './letters/group-letters.ts'
export type { CauseReport } from './letters/causes.ts'
export type { LetterFilter, Selection } from './letters/choose.ts'
export type { Edit } from './letters/edit-letter.ts'
export { LetterBook } from './letters/letter-book.ts'
export { decodeLetter } from './letters/letter-record.ts'
export { writeDeath } from './letters/write-death.ts'
export type { Letter, LetterDetail } from './letters/letter-view.ts'
export {
  JOB_TOPIC,
  jobTopic,
  letteredIn,
  noCounts,
  replayModes,
  replayRanges,
  type Assignment,
  type JobCounts,
  type JobTopic,
  type Lettered,
  type Progress,
  type Range,
  type ReplayMode,
  type ReplayPart,
  type ReplayRange,
  type ReplayState,
} from './replay/index.ts'
