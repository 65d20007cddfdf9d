import { createHash } from 'node:crypto'
import { encodeEvent } from '../../src/event/index.ts'
import type { Log } from '../../src/log/index.ts'
import { ledgerOf, type Ledger, type LedgerLine } from '../../src/testing/audit/index.ts'

const POISON_EVERY = 20
/** Three kinds of poison, in turns. */
const poisons = [
  { type: 'moved', dataOf: (key: string, n: number): object => ({ vehicle: key, n: -n }) },
  { type: 'bad', dataOf: (key: string, n: number): object => ({ vehicle: key, n }) },
  { type: 'moved', dataOf: (key: string): object => ({ vehicle: key }) },
]
export const kindOf = (id = ''): number => Math.floor(Number(id) / POISON_EVERY) % poisons.length

/** Appends events past the collector, of which every 20th is poison. `isPure`: none is. */
export async function appendMixed(
  log: Log,
  count: number,
  { isPure = false }: { readonly isPure?: boolean } = {},
): Promise<{ ledger: Ledger; poison: string[] }> {
  const lines: LedgerLine[] = [{ line: 'run', planned: count }]
  const poison: string[] = []
  const records = Array.from({ length: count }, (_, n) => {
    const [id, key] = [String(n), `k${n % 2_003}`]
    const kind = !isPure && n % POISON_EVERY === POISON_EVERY - 1 ? poisons[kindOf(id)] : undefined
    if (kind) poison.push(id)
    const data = Buffer.from(JSON.stringify(kind?.dataOf(key, n) ?? { vehicle: key, n }))
    const hash = createHash('sha256').update(data).digest('hex')
    lines.push({ line: 'sent', id, key, hash, at: n }, { line: 'answer', id, outcome: 'accepted', at: n })
    return encodeEvent({
      id,
      source: '/test',
      type: kind?.type ?? 'moved',
      version: 1,
      time: undefined,
      acceptedAt: Date.now(),
      extensions: {},
      key,
      data,
    })
  })
  for (let from = 0; from < count; from += 250) await log.append('moves', records.slice(from, from + 250))
  return { ledger: ledgerOf(lines), poison }
}
