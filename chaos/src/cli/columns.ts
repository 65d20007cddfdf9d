/** Rows as columns: the first one to the left, all others to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const width = (column: number): number => Math.max(...rows.map(row => (row[column] ?? '').length))
  const widths = (rows[0] ?? []).map((_, column) => width(column))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return rows.map(row => `  ${line(row)}\n`).join('')
}

export function plain(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })
}
