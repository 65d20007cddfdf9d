export { arms } from './arms/index.ts'
export type {
  Arm,
  ArmSample,
  Dependency,
  RunningArm,
  Service,
  Stage,
  StartDependency,
  Target,
} from './contract/arm.ts'
export type { LiveSecond, Progress } from './contract/progress.ts'
export type { ArmResult, Check, Counts, Environment, Result, Series } from './contract/result.ts'
export type { Scenario } from './contract/scenario.ts'
