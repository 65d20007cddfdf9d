import { Chain, GENESIS } from './audit-chain.ts'
import { trail } from './audit-trail.ts'
import type { Operation } from './operation.ts'
import { digits, flag, number, object, optional, rows, text } from './shape.ts'

export interface AuditVerifyInput {
  readonly head?: string | undefined
}

export interface AuditVerification {
  readonly ok: boolean
  readonly records: number
  /** Records that count for nobody: another process followed the same record at the same moment, and came first. */
  readonly superseded: number
  /** Of those, the ones that their writer did not write again: it died, or was kept from it. */
  readonly notRepeated: number
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
    superseded: number('that came second to one of another process, and do not count'),
    notRepeated: number('of those, that were not written again: their writer died before it did'),
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
    const chain = new Chain()
    let records = 0
    let superseded = 0
    /** By act and record of it. */
    const toRepeat = new Set<string>()
    let isHeadThere = head === undefined || head === GENESIS
    for await (const record of trail(system.log, 0n, signal)) {
      const checked = chain.take(record)
      records += 1
      isHeadThere ||= chain.head === head
      for (const { offset, finding } of checked.findings)
        if (findings.length < MAX_FINDINGS) findings.push({ offset: String(offset), finding })
      if (checked.kind === 'foreign') continue
      const name = `${checked.entry.id} ${checked.entry.kind}`
      if (checked.kind === 'counts') toRepeat.delete(name)
      else {
        superseded += 1
        if (!checked.isCopy) toRepeat.add(name)
      }
    }
    if (!isHeadThere)
      findings.push({
        offset: '0',
        finding: `no record has the head ${head}: the end was cut off, or all was rewritten`,
      })
    return {
      ok: findings.length === 0,
      records,
      superseded,
      notRepeated: toRepeat.size,
      head: chain.head,
      findings,
    }
  },
}
