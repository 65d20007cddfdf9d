import { auditList } from './audit-list.ts'
import { auditVerify } from './audit-verify.ts'
import { groupDelete } from './group-delete.ts'
import { groupDescribe } from './group-describe.ts'
import { groupList } from './group-list.ts'
import { groupPause, groupResume } from './group-pause.ts'
import { groupReset } from './group-reset.ts'
import type { AnyOperation } from './operation.ts'

/** Everything that an operator can ask for or do, in the order of the documentation. */
export const operations: readonly AnyOperation[] = [
  groupList,
  groupDescribe,
  groupPause,
  groupResume,
  groupReset,
  groupDelete,
  auditList,
  auditVerify,
]
