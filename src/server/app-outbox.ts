import { hostname } from 'node:os'
import { HoldfastError, newEventId } from '../event/index.ts'
import {
  outboxRelay,
  Publishing,
  type OutboxContext,
  type OutboxRelay,
  type PublishingTx,
} from '../outbox/index.ts'
import type { Database, Outbox, OutboxStatus } from '../sink/index.ts'
import type { OutboxControl } from './app-api.ts'
import type { AppContext } from './app-context.ts'
import type { DeclaredTopics } from './declared-topics.ts'
import type { Monitor } from './monitor.ts'

export interface AppOutboxParts {
  readonly context: AppContext
  readonly db: Database | undefined
  readonly topics: DeclaredTopics
  readonly published: Monitor['published']
}

/** Transactions of an app that publish, and the relay that moves what they published to the log. */
export class AppOutbox {
  readonly control: OutboxControl = {
    status: async () => (await this.#open()).status(),
    relay: () => this.#relay?.status(),
    rebase: async () => (await this.#open()).rebase(),
  }
  readonly #o: AppOutboxParts
  #relay: OutboxRelay | undefined

  constructor(parts: AppOutboxParts) {
    this.#o = parts
  }

  async transaction<T>(work: (tx: PublishingTx) => Promise<T>): Promise<T> {
    const outbox = await this.#open()
    const context = this.publishing()
    let publishing: Publishing | undefined
    const result = await outbox.transaction(tx => {
      publishing = new Publishing(tx, context)
      return work(publishing)
    }, this.#o.context.life)
    if (publishing?.isPublished) context.wake()
    return result
  }

  /** What handlers need to publish within their transactions. */
  publishing(): OutboxContext {
    const { context, topics } = this.#o
    const { app, sink, clock, random } = context
    return {
      outbox: sink?.outbox,
      source: `/apps/${app}`,
      clock,
      random,
      declare: topic => topics.declare(topic),
      wake: () => this.#relay?.wake(),
    }
  }

  startRelay(): void {
    const { context, published } = this.#o
    const { system, sink, clock, random, logger, prepareSink } = context
    if (!sink?.outbox) return
    this.#relay = outboxRelay({
      outbox: sink.outbox,
      system,
      owner: `${hostname()}:${process.pid}:${newEventId(clock, random)}`,
      clock,
      random,
      logger,
      prepare: prepareSink,
      observer: { relayed: of => published({ ...of, source: 'outbox' }) },
    })
  }

  async stopRelay(): Promise<void> {
    await this.#relay?.stop()
  }

  /** What waits in it, as the relay of this process saw it last. */
  seen(): OutboxStatus | undefined {
    return this.#relay?.seen()
  }

  async #open(): Promise<Outbox> {
    const { context, db } = this.#o
    context.assertRunning()
    const outbox = context.sink?.outbox
    if (!outbox) {
      const detail = `app ${context.app} has ${db?.kind ?? 'no database'}`
      throw new HoldfastError('OUTBOX_MISSING', { detail })
    }
    await context.prepareSink()
    return outbox
  }
}
