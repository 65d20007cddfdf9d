/** Where a command writes: data to `out`, everything else to `err`, so that `holdfast … | jq` always works. */
export interface CliIo {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the command is run. Defaults to the folder of the process. */
  readonly cwd?: string
  /** Aborts when nobody reads `out` any more. */
  readonly unread?: AbortSignal
  /** Resolves when what was written to `out` is taken, for whoever writes much. */
  readonly taken?: () => Promise<void>
  /** What is piped in. */
  readonly input?: AsyncIterable<Uint8Array>
  /** Asks a person. Only there on a terminal: nothing is asked off one. */
  readonly ask?: (question: string) => Promise<string>
}
