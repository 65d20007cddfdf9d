export { describeLog } from './describe-log.ts'
export type { LogUnderTest, MakeLog, SuiteSettings } from './harness.ts'
