import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeLog } from '../../log/suite/index.ts'
import { embedded } from './embedded.ts'

describeLog(
  'embedded',
  { deduplicates: true, retains: true, persists: true, findsIds: true, imports: true },
  async ({ maxRecordBytes, ...leases }) => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-log-'))
    return {
      driver: embedded(folder, { maxRecordBytes, leases, minFreeBytes: 0, reserveBytes: 0 }),
      dispose: () => rm(folder, { recursive: true, force: true }),
    }
  },
)
