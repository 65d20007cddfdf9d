/** Where a command writes: data to `out`, everything else to `err`. The same shape as in the `holdfast` command. */
export interface CliIo {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
}
