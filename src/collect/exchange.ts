/** A request as the collector sees it, whichever server it came through. */
export interface Inbound {
  readonly method: string
  /** Path and query as they stand in the request line. */
  readonly target: string
  /** A header by lower-case name. */
  header(name: string): string | undefined
  /** Whether it came to an address of the machine itself. */
  readonly local: boolean
  /**
   * Hands over the body as it comes. A chunk that is answered with a promise holds the next one back. Resolves only
   * when the body is complete; rejects with what `onChunk` threw, or with {@link BodyBroken}. Read at most once.
   */
  read(onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void>
  /** Ends the read under way: it hands over nothing more and rejects with `error`. */
  breakOff(error: Error): void
}

/** The sender went away, or the connection broke, before the body was complete. */
export class BodyBroken extends Error {
  constructor(cause?: unknown) {
    super('the body broke off', { cause })
  }
}

export interface Reply {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}
