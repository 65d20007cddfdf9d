export { resolveBreakerOptions, type BreakerOptions } from './breaker.ts'
export { classify } from './classify.ts'
export {
  buriedFrom,
  deadTopicOf,
  encodeLetter,
  isLaneOrDeadTopic,
  listLetters,
  newestLetters,
  originOf,
  type DeadLetter,
} from './dead-letters.ts'
export { dependency, type BreakerStatus, type Dependency, type Pass } from './dependency.ts'
export { describeFailure, failureText, type Failure } from './failure.ts'
export { floodGuard, type FloodGuard } from './flood-guard.ts'
export type { BreakerObserver, BreakerStateName } from './observer.ts'
