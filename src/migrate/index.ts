export { migration, type MigrationProgress, type MigrationReport } from './migration.ts'
export type { Survey, SurveyedPosition } from './survey.ts'
