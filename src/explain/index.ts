export { explainEvent, findId, type ExplainOptions } from './explain-event.ts'
export type { KnownGroup } from './group-progress.ts'
export type { Explanation } from './explanation.ts'
