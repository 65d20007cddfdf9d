import { closeSync, openSync, writeSync } from 'node:fs'
import type { LedgerLine } from 'holdfast/testing'
import type { PlannedEvent } from './schedule.ts'
import type { Answer } from './send.ts'

/** The load's own record. What is about to be sent is in the file before it is sent. */
export interface LedgerFile {
  sending(events: readonly PlannedEvent[], at: number): void
  unsent(event: PlannedEvent): void
  answered(id: string, answer: Answer, at: number): void
  /** Writes the answers since the last call. They may be late: a lost one only leaves a question open. */
  flush(): void
  close(): void
}

/** Begins the file anew. `planned` is what this file will account for. */
export function openLedger(path: string, planned: number): LedgerFile {
  const file = openSync(path, 'w')
  let waiting = line({ line: 'run', planned })
  const flush = (): void => {
    const bytes = Buffer.from(waiting)
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    waiting = ''
  }
  flush()
  return {
    sending(events, at) {
      waiting += events.map(({ id, key, hash }) => line({ line: 'sent', id, key, hash, at })).join('')
      flush()
    },
    unsent({ id, key, hash }) {
      waiting += line({ line: 'unsent', id, key, hash })
    },
    answered(id, { outcome, why }, at) {
      waiting += line({ line: 'answer', id, outcome, why, at })
    },
    flush,
    close() {
      flush()
      closeSync(file)
    },
  }
}

function line(fields: LedgerLine & { readonly why?: string }): string {
  return `${JSON.stringify(fields)}\n`
}
