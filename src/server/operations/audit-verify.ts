import { checkRecord, emptyChain, type ChainEnd } from './audit-chain.ts'
import { trail } from './audit-trail.ts'
import type { Operation } from './operation.ts'
import { digits, flag, number, object, optional, rows, text } from './shape.ts'

export interface AuditVerifyInput {
  readonly head?: string | undefined
}

export interface AuditVerification {
  readonly ok: boolean
  readonly records: number
  /** Of the last record: noted elsewhere, it shows later whether everything up to it is still as it was. */
  readonly head: string
  readonly findings: readonly { readonly offset: string; readonly finding: string }[]
}

/** A trail that was damaged all over says so in this many lines. */
const MAX_FINDINGS = 100

export const auditVerify: Operation<AuditVerifyInput, AuditVerification> = {
  name: 'audit.verify',
  summary:
    'check that no record of the audit trail was changed, removed or inserted; exit code 7 when one was',
  role: 'viewer',
  effect: 'none',
  input: object<AuditVerifyInput>({
    head: optional(
      text('a head that was printed before: it must still be in the trail', { pattern: /^[0-9a-f]{64}$/ }),
    ),
  }),
  output: object<AuditVerification>({
    ok: flag('nothing was found'),
    records: number('that were checked'),
    head: text('hash of the last one'),
    findings: rows(
      object<AuditVerification['findings'][number]>({
        offset: digits('where'),
        finding: text('what is wrong there'),
      }),
    ),
  }),
  async run({ system, signal }, { head }) {
    const findings: { offset: string; finding: string }[] = []
    let end: ChainEnd = emptyChain
    let records = 0
    let isHeadThere = head === undefined || head === emptyChain.head
    for await (const record of trail(system.log, 0n, signal)) {
      const checked = checkRecord(record, end)
      end = checked.end
      records += 1
      isHeadThere ||= end.head === head
      for (const { offset, finding } of checked.findings)
        if (findings.length < MAX_FINDINGS) findings.push({ offset: String(offset), finding })
    }
    if (!isHeadThere)
      findings.push({
        offset: '0',
        finding: `no record has the head ${head}: the end was cut off, or all was rewritten`,
      })
    return { ok: findings.length === 0, records, head: end.head, findings }
  },
}
