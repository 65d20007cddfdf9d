import { auditList } from './audit-list.ts'
import { auditVerify } from './audit-verify.ts'
import { circuitClose, circuitList, circuitOpen, circuitShow } from './circuits.ts'
import { dlqCauses } from './dlq-causes.ts'
import { dlqCheck } from './dlq-check.ts'
import { dlqCopy } from './dlq-copy.ts'
import { dlqDiscard, dlqRelease, dlqRestore } from './dlq-decide.ts'
import { dlqEdit } from './dlq-edit.ts'
import { dlqList } from './dlq-list.ts'
import { dlqNote } from './dlq-note.ts'
import { dlqReplay } from './dlq-replay.ts'
import { dlqShow } from './dlq-show.ts'
import { dlqStats } from './dlq-stats.ts'
import { eventExplain } from './event-explain.ts'
import { eventFind } from './event-find.ts'
import { eventShow } from './event-show.ts'
import { eventTrace } from './event-trace.ts'
import { groupDelete } from './group-delete.ts'
import { groupDescribe } from './group-describe.ts'
import { groupList } from './group-list.ts'
import { groupPause, groupResume } from './group-pause.ts'
import { groupRename } from './group-rename.ts'
import { groupReset } from './group-reset.ts'
import type { AnyOperation } from './operation.ts'
import { retryCancel, retryList, retryRunNow } from './retries.ts'
import { topicAlter, topicCreate } from './topic-change.ts'
import { topicDelete } from './topic-delete.ts'
import { topicDescribe } from './topic-describe.ts'
import { topicList } from './topic-list.ts'
import { topicStats } from './topic-stats.ts'
import { spoolDiscard, spoolReturn } from './spool-decide.ts'
import { spoolExport, spoolList, spoolStatus } from './spool-list.ts'
import { replayCancel, replayList, replayShow } from './replay-jobs.ts'
import { replayStart } from './replay-start.ts'

/** Everything that an operator can ask for or do, in the order of the documentation. */
export const operations: readonly AnyOperation[] = [
  topicList,
  topicDescribe,
  topicCreate,
  topicAlter,
  topicDelete,
  topicStats,
  eventExplain,
  eventShow,
  eventTrace,
  eventFind,
  groupList,
  groupDescribe,
  groupPause,
  groupResume,
  groupReset,
  groupRename,
  groupDelete,
  circuitList,
  circuitShow,
  circuitOpen,
  circuitClose,
  dlqList,
  dlqCauses,
  dlqStats,
  dlqShow,
  dlqNote,
  dlqEdit,
  dlqCheck,
  dlqReplay,
  dlqCopy,
  dlqDiscard,
  dlqRestore,
  dlqRelease,
  retryList,
  retryRunNow,
  retryCancel,
  replayStart,
  replayList,
  replayShow,
  replayCancel,
  spoolStatus,
  spoolList,
  spoolExport,
  spoolReturn,
  spoolDiscard,
  auditList,
  auditVerify,
]
