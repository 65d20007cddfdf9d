import { expect } from 'vitest'

/** What the log has promised over all runs. */
export class Ledger {
  /** `TOPIC PARTITION OFFSET` → id, of every acknowledged record. */
  readonly #records = new Map<string, string>()
  /** `TOPIC PARTITION` → the highest acknowledged position. */
  readonly #positions = new Map<string, bigint>()

  note(lines: readonly string[], what: 'said' | 'went'): number {
    const told = lines.filter(line => line.startsWith(`${what} `)).map(line => line.split(' '))
    for (const [, topic, partition, offset = '', id = ''] of told) {
      if (what === 'said') this.#records.set(`${topic} ${partition} ${offset}`, id)
      else this.#positions.set(`${topic} ${partition}`, BigInt(offset))
    }
    return told.length
  }

  last(count: number): string[] {
    return [...this.#records].slice(-count).map(([at, id]) => `said ${at} ${id}`)
  }

  /** Compares with what the next run found. */
  compare(lines: readonly string[], again: readonly string[]): void {
    const words = lines.map(line => line.split(' '))
    const values = (what: string): Map<string, bigint> =>
      new Map(words.filter(([w]) => w === what).map(([, t, p, offset = '']) => [`${t} ${p}`, BigInt(offset)]))
    const found = new Map(
      words.filter(([w]) => w === 'found').map(([, t, p, o, id = '']) => [`${t} ${p} ${o}`, id]),
    )
    const [starts, ends, positions] = [values('start'), values('end'), values('at')]

    expect([...found.values()].filter(id => id === 'damaged')).toEqual([])
    const lost = [...this.#records].filter(([at, id]) => {
      const [topic, partition, offset = ''] = at.split(' ')
      const deleted = topic === 'cut-off' && BigInt(offset) < (starts.get(`${topic} ${partition}`) ?? 0n)
      return !deleted && found.get(at) !== id
    })
    expect(lost).toEqual([])
    for (const [tp, position] of this.#positions) {
      expect(positions.get(tp)).toBeGreaterThanOrEqual(position)
      expect(positions.get(tp)).toBeLessThanOrEqual(ends.get(tp) ?? 0n)
    }
    expect(lines.filter(line => line.startsWith('again'))).toEqual(
      again.map(line => line.split(' ')).map(([, t, p, o]) => `again duplicate ${t} ${p} ${o}`),
    )
  }
}
