import { sleep } from '../event/index.ts'
import type { Outbox, OutboxStatus } from '../sink/index.ts'
import { rowMover, type RowMover } from './move-rows.ts'

export interface DrainOptions extends RowMover {
  readonly outbox: Outbox
  /** Unique among all processes that ever lived. */
  readonly owner: string
  /** Rows in one round. Defaults to 500. */
  readonly maxRows?: number
  /** How long others wait for a drain that has died. Defaults to 10 s. */
  readonly leaseMs?: number
  /** How long rows behind a transaction that is still open are waited for. Defaults to 10 s. */
  readonly waitMs?: number
}

/** Between two looks at what an open transaction holds back. */
const LOOK_MS = 100

/** `busy`: a relay works, and moves what waits without this. */
export type Drained =
  | { readonly kind: 'drained'; readonly moved: number; readonly left: OutboxStatus }
  | { readonly kind: 'busy'; readonly owner: string | undefined }

/**
 * Moves what waits now, as a relay would, and ends. A relay that starts meanwhile waits for the lease, and goes on where
 * this stopped. What commits while it works may be moved or left. Any transaction of the cluster that is still open holds back
 * the rows behind it, so there is nearly always one: it is waited for, but not for ever.
 */
export async function drainOutbox(options: DrainOptions): Promise<Drained> {
  const { outbox, owner, clock, maxRows = 500, leaseMs = 10_000, waitMs = 10_000 } = options
  const end = clock.monotonic() + waitMs
  const first = await outbox.lease(owner, leaseMs)
  if (!first) return { kind: 'busy', owner: (await outbox.status()).owner }
  let lease = first
  let moved = 0
  try {
    for (;;) {
      const rows = await outbox.read(lease.place, maxRows)
      const last = rows.at(-1)
      if (last) {
        await rowMover(options)(rows)
        // Frozen for longer than its lease: another has it, and appends these rows once more, under their ids.
        if (!(await outbox.advance(lease, last.place)))
          return { kind: 'busy', owner: (await outbox.status()).owner }
        moved += rows.length
      }
      // A page that is not full was all there was to move.
      if (rows.length < maxRows) {
        const left = await outbox.status()
        if (left.pending === 0 || clock.monotonic() >= end) return { kind: 'drained', moved, left }
        await sleep(clock, LOOK_MS)
      }
      const renewed = await outbox.lease(owner, leaseMs)
      if (!renewed) return { kind: 'busy', owner: (await outbox.status()).owner }
      lease = renewed
    }
  } finally {
    await outbox.release(lease).catch(() => {}) // it runs out by itself
  }
}
