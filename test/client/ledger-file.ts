import { closeSync, openSync, writeSync } from 'node:fs'
import type { PlannedEvent } from './plan.ts'
import type { Answer } from './send.ts'

/** The client's own record. What is about to be sent is in the file before it is sent. */
export interface LedgerFile {
  sending(events: readonly PlannedEvent[], at: number): void
  unsent(event: PlannedEvent): void
  answered(id: string, answer: Answer, at: number): void
  /** Writes the answers since the last call; they may be late, because a lost one only leaves a question open. */
  flush(): void
  close(): void
}

export function openLedger(path: string, planned: number): LedgerFile {
  const file = openSync(path, 'w')
  let answers = ''
  const write = (text: string): void => {
    const bytes = Buffer.from(text)
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
  }
  const flush = (): void => {
    if (answers !== '') write(answers)
    answers = ''
  }
  write(line({ line: 'run', planned }))
  return {
    sending(events, at) {
      flush()
      write(events.map(({ id, key, hash }) => line({ line: 'sent', id, key, hash, at })).join(''))
    },
    unsent({ id, key, hash }) {
      answers += line({ line: 'unsent', id, key, hash })
    },
    answered(id, { outcome, why }, at) {
      answers += line({ line: 'answer', id, outcome, why, at })
    },
    flush,
    close() {
      flush()
      closeSync(file)
    },
  }
}

function line(fields: object): string {
  return `${JSON.stringify(fields)}\n`
}
