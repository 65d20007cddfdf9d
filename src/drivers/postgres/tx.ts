import { HoldfastError } from '../../event/index.ts'
import type { SinkWork, Tx } from '../../sink/index.ts'
import type { Session } from './session.ts'

/** Calls the work with a transaction that ends with it. Answers the records that it marked as bad. */
export async function runWork(
  session: Session,
  work: SinkWork,
  records: readonly number[],
): Promise<ReadonlyMap<number, unknown>> {
  const bad = new Map<number, unknown>()
  const open = openTx(session)
  try {
    await work(open.tx, records, (index, error) => {
      if (records.includes(index)) bad.set(index, error)
    })
  } finally {
    open.end()
  }
  return bad
}

/** The transaction as its user sees it, until `end`. */
export function openTx(session: Session): { tx: Tx; end(): void } {
  let ended = false
  const tx: Tx = {
    query(text, params) {
      if (ended) return Promise.reject(afterTheEnd())
      const answer = session
        .query(text, params)
        .then(({ rows, rowCount }) => ({ rows: rows as never[], rowCount: rowCount ?? 0 }))
      // A handler that forgot to await: the failed statement still rolls the transaction back, which is reported,
      // and must not end the process as an unhandled rejection.
      answer.catch(() => {})
      return answer
    },
    raw: session.raw,
  }
  return { tx, end: () => void (ended = true) }
}

function afterTheEnd(): HoldfastError {
  return new HoldfastError('SINK_TX_ENDED', {
    detail: 'tx.query was called after the work of its transaction had returned',
  })
}
