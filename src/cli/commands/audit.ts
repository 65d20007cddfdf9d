import type { Command } from 'commander'
import { auditList, type AuditedAct, type AuditList } from '../../server/operations/audit-list.ts'
import { auditVerify, type AuditVerification } from '../../server/operations/audit-verify.ts'
import { exitCode } from '../exit-code.ts'
import { timeGiven, type Operating, type OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

interface ListOptions extends OperatingOptions {
  readonly since?: string
  readonly operation?: string
  readonly limit?: string
}

/** `holdfast audit …`. */
export function addAudit(program: Command, operating: Operating): void {
  const audit = program.command('audit').description('who changed what, when and why')

  operating
    .command(audit, 'list', auditList)
    .option('--since <time>', 'from when on: ISO 8601, or a time ago such as 1d')
    .option('--operation <name>', 'only of one operation, such as group.reset')
    .option('--limit <n>', 'at most so many, the newest (default: 100)')
    .action(({ since, operation, limit, ...options }: ListOptions) => {
      const input = {
        since: since && timeGiven(since),
        operation,
        limit: limit === undefined ? undefined : Number(limit),
      }
      return operating.run(auditList, input, options, listView)
    })

  operating
    .command(audit, 'verify', auditVerify)
    .option('--head <hash>', 'the head that was printed before: it must still be in the trail')
    .action(({ head, ...options }: OperatingOptions & { readonly head?: string }) =>
      operating.run(auditVerify, { head }, options, verifyView),
    )
}

const listView: View<AuditList> = {
  items: ({ acts }) => acts,
  columns: {
    at: (act: AuditedAct, time) => time(act.at),
    who: (act: AuditedAct) => act.who,
    operation: (act: AuditedAct) => act.operation,
    input: (act: AuditedAct) => JSON.stringify(act.input).slice(0, 100),
    outcome: (act: AuditedAct) => act.outcome,
    reason: (act: AuditedAct) => act.reason,
  },
  wide: {
    role: (act: AuditedAct) => act.role,
    error: (act: AuditedAct) => act.error,
    id: (act: AuditedAct) => act.id,
  },
  empty: 'nobody has changed anything so far',
}

const verifyView: View<AuditVerification> = {
  exit: ({ ok }) => (ok ? undefined : exitCode.checkFailed),
  items: ({ findings }) => findings,
  columns: {
    offset: (one: AuditVerification['findings'][number]) => one.offset,
    finding: (one: AuditVerification['findings'][number]) => one.finding,
  },
  notes: found => [
    found.ok
      ? `${found.records} records, each carries the hash of the one before`
      : `${found.records} records, and something is wrong`,
    ...supersededNote(found),
    `head ${found.head}`,
  ],
}

function supersededNote({ superseded, notRepeated }: AuditVerification): readonly string[] {
  if (superseded === 0) return []
  const since =
    notRepeated === 0
      ? ', and they stand there again behind it'
      : `; ${notRepeated} were not written again, as when their process died: that act was not done, or its end is not known`
  return [`${superseded} of them do not count: another process came first by a moment${since}`]
}
