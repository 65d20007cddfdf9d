import { HoldfastError } from '../../event/index.ts'
import type { PgClient, PgResult } from './client.ts'
import { endsConnection } from './errors.ts'

/**
 * One checked-out connection. It is either given back clean, or, after {@link destroy}, closed: the server then rolls
 * back whatever was open.
 */
export class Session {
  readonly raw: PgClient
  /** Rejects when the session is destroyed; never resolves. */
  readonly destroyed: Promise<never>
  readonly #back: (client: PgClient, error: Error | undefined) => void
  readonly #reject: (error: unknown) => void
  readonly #listener: (error: Error) => void
  #end: 'open' | 'broken' | 'over' = 'open'

  constructor(raw: PgClient, back: (client: PgClient, error: Error | undefined) => void) {
    this.raw = raw
    this.#back = back
    const { promise, reject } = Promise.withResolvers<never>()
    this.destroyed = promise
    this.#reject = reject
    // Whoever waits for it gets the rejection; nobody waiting is no crash.
    promise.catch(() => {})
    // A checked-out client without a listener turns a lost connection into an uncaught exception.
    this.#listener = () => this.#markBroken()
    raw.on('error', this.#listener)
  }

  /** The connection is gone or being closed; nothing can be asked of it any more. */
  get isBroken(): boolean {
    return this.#end !== 'open'
  }

  async query(text: string, values?: readonly unknown[]): Promise<PgResult> {
    try {
      return await (values ? this.raw.query(text, values) : this.raw.query(text))
    } catch (error) {
      if (endsConnection(error)) this.#markBroken()
      throw error
    }
  }

  /** Several statements in one trip to the server, without parameters. Answers what the last one gave. */
  async script(statements: readonly string[]): Promise<PgResult> {
    const results = (await this.query(statements.join('; '))) as PgResult | readonly PgResult[]
    const last = 'command' in results ? results : results.at(-1)
    if (!last) throw new HoldfastError('INTERNAL', { detail: 'a script of nothing' })
    return last
  }

  /** Closes the connection at once, also in the middle of a statement. */
  destroy(reason: unknown): void {
    if (this.#end === 'over') return
    this.#end = 'over'
    this.#reject(reason)
    this.#back(this.raw, reason instanceof Error ? reason : new Error(String(reason)))
  }

  /** Gives the connection back to the pool, or closes it when it is broken. */
  release(): void {
    if (this.#end === 'over') return
    const error = this.#end === 'broken' ? new Error('the connection was lost') : undefined
    this.#end = 'over'
    // A closed client may still emit; its listener stays. A pooled one gets the pool's own.
    if (!error) this.raw.removeListener('error', this.#listener)
    this.#back(this.raw, error)
  }

  #markBroken(): void {
    if (this.#end === 'open') this.#end = 'broken'
  }
}
