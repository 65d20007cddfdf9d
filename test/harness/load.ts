import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { parseLedger, type Ledger } from '../../src/testing/audit/index.ts'
import type { Summary } from '../client/open-loop.ts'
import type { Load } from '../client/plan.ts'
import { startChild, type Child } from './child.ts'

export interface RunningLoad {
  readonly client: Child
  /** The ledger on disk as it stands. */
  ledgerSoFar(): Ledger
  /** The client's own summary and its ledger, when all is answered. */
  finished(): Promise<FinishedLoad>
}

/** What {@link RunningLoad.finished} answers. */
export interface FinishedLoad {
  readonly summary: Summary
  readonly ledger: Ledger
}

/** The ledger of loads on one store as if they had been one, by the clock on the wall. Their runs must differ. */
export function together(loads: readonly FinishedLoad[]): Ledger {
  const on = (beganAt: number, at: number | undefined): number | undefined =>
    at === undefined ? undefined : beganAt + at
  return {
    planned: loads.reduce((sum, { ledger }) => sum + ledger.planned, 0),
    entries: new Map(
      loads.flatMap(({ summary: { beganAt }, ledger }) =>
        [...ledger.entries].map(([id, entry]) => [
          id,
          { ...entry, sentAt: on(beganAt, entry.sentAt), acceptedAt: on(beganAt, entry.acceptedAt) },
        ]),
      ),
    ),
    problems: loads.flatMap(({ ledger }) => ledger.problems),
  }
}

/** Starts the client process on a load, on another host if `within` says so. Resolves when it has begun to send. */
export async function startLoad(
  load: Omit<Load, 'ledger'>,
  within: readonly string[] = [],
): Promise<RunningLoad> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = join(folder, 'ledger.jsonl')
  const main = join(import.meta.dirname, '../client/main.ts')
  const client = await startChild({
    name: 'client',
    args: [main, JSON.stringify({ ...load, ledger })],
    within,
  })
  await client.line(/"begun"/)
  return {
    client,
    ledgerSoFar: () => parseLedger(readFileSync(ledger, 'utf8')),
    async finished() {
      const limitMs = load.seconds * 1000 + 2 * (load.timeoutMs ?? 30_000) + 30_000
      const match = await client.line(/^\{"summary".*$/, limitMs)
      const { summary } = JSON.parse(match[0]) as { summary: Summary }
      return { summary, ledger: parseLedger(readFileSync(ledger, 'utf8')) }
    },
  }
}
