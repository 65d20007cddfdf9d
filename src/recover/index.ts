export type { BreakerObserver, BreakerStateName } from './observer.ts'
