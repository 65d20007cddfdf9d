/** Adds up what a batch says about the same row, so that the row is written once and the batch is one statement. */
export class Tally<Row extends readonly (string | Date)[]> {
  readonly #rows = new Map<string, { readonly row: Row; readonly counts: number[] }>()

  /** `counts` are added to those that the row has. */
  add(row: Row, ...counts: number[]): void {
    const key = JSON.stringify(row)
    const known = this.#rows.get(key)
    if (!known) this.#rows.set(key, { row, counts: [...counts] })
    else counts.forEach((n, i) => (known.counts[i] = (known.counts[i] ?? 0) + n))
  }

  /**
   * The columns of the rows, then those of the counts, for `unnest`. Sorted: two batches that write the same rows
   * lock them in the same order, so they cannot wait for each other.
   */
  columns(): (string | Date | number | undefined)[][] {
    const sorted = [...this.#rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
    const [first] = sorted
    return [
      ...(first?.row ?? []).map((_, i) => sorted.map(({ row }) => row[i])),
      ...(first?.counts ?? []).map((_, i) => sorted.map(({ counts }) => counts[i])),
    ]
  }
}

/** The minute that a time lies in. */
export function minuteOf(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 60_000) * 60_000)
}
