/** Where a command writes: data to `out`, everything else to `err`, so that `holdfast … | jq` always works. */
export interface CliIo {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Asks a person. Only there on a terminal: nothing is asked off one. */
  readonly ask?: (question: string) => Promise<string>
}
