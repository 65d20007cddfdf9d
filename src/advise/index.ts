export { adviseOn, type Advice, type Reason, type Situation } from './advice.ts'
export { chainAvailability, daysAwayAYear } from './availability.ts'
export { type Alternative, type LogOption } from './options.ts'
export { notCounted, outageCost, publishedOutage, type OutageCost, type OutageInputs } from './outage-cost.ts'
