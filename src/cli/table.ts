/** Rows as columns that line up, with a head. Control characters, which could move a terminal's cursor, become `·`. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  { headers = true }: { readonly headers?: boolean } = {},
): string {
  const cells = [...(headers ? [columns.map(name => name.toUpperCase())] : []), ...rows].map(row =>
    row.map(plain),
  )
  const widths = columns.map((_, i) => Math.max(...cells.map(row => row[i]?.length ?? 0)))
  return cells
    .map(
      row =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '·')
}
