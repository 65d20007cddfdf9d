import { expect } from 'vitest'
import {
  audit,
  auditReport,
  type Audit,
  type Evidence,
  type Ledger,
  type StoredRow,
} from '../../src/testing/audit/index.ts'
import { createHash } from 'node:crypto'
import { withLog } from './log-access.ts'
import { evidenceOf, ownKey } from './store.ts'
import type { System } from './system.ts'

export interface GroupAudit extends Audit {
  readonly group: string
}

/** The audit of one group: its rows and sums against the client's ledger. */
export async function auditGroup(
  system: System,
  ledger: Ledger,
  group: string,
  elsewhere: Omit<Evidence, 'rows' | 'aggregates'> = {},
): Promise<GroupAudit> {
  return { group, ...audit(ledger, { ...(await evidenceOf(system.databaseUrl, group)), ...elsewhere }) }
}

/**
 * The audit of the log itself: what was accepted is in it, byte for byte. The log remembers an id, so a double would
 * be a broken promise here too; its order is the order, so only time can contradict it.
 */
export async function auditLog(system: System, ledger: Ledger): Promise<GroupAudit> {
  const rows = await withLog(system, async log => {
    const signal = new AbortController().signal
    const rows: StoredRow[] = []
    const settings = await log.topics.describe('moves')
    for (let partition = 0; partition < (settings?.partitions ?? 0); partition++) {
      const { start, end } = await log.bounds({ topic: 'moves', partition })
      for (let offset = start; offset < end;) {
        const page = await log.read(
          { topic: 'moves', partition, offset },
          { maxRecords: 1_000, maxBytes: 4 * 1024 * 1024, waitMs: 0 },
          signal,
        )
        for (const { key, value, headers, offset } of page.records) {
          const hash = createHash('sha256')
            .update(value ?? '')
            .digest('hex')
          rows.push({ id: headers['ce_id'] ?? '', key: ownKey(key), hash, at: { partition, offset } })
        }
        offset = page.next
      }
    }
    return rows
  })
  return { group: 'the log', ...audit(ledger, { rows }) }
}

/** Fails with the whole table when anything was found. */
export function expectClean(result: GroupAudit): void {
  expect(result.clean, auditReport(`group ${result.group}`, result)).toBe(true)
}
