import { describeLog } from '../../log/suite/index.ts'
import { memory } from './memory.ts'

describeLog(
  'memory',
  { deduplicates: true, retains: true, persists: { reason: 'it is in the memory of the process' } },
  async ({ maxRecordBytes, ...leases }) => ({
    driver: memory({ maxRecordBytes, leases }),
  }),
)
