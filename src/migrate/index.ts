export type { CheckedPartition } from './check-partition.ts'
export { migration, type Migration, type MigrationProgress, type MigrationReport } from './migration.ts'
export type { Survey, SurveyedPartition, SurveyedPosition } from './survey.ts'
