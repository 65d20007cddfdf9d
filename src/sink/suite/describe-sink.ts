import { describe, it } from 'vitest'
import type { MakeSink, SinkPromise } from './harness.ts'
import { batchPromises } from './promises/batch.ts'
import { fencePromises } from './promises/fence.ts'
import { inboxPromises } from './promises/inbox.ts'
import { offsetPromises } from './promises/offsets.ts'
import { transactionPromises } from './promises/transaction.ts'
import { World } from './world.ts'

/** Every promise of the port, by chapter. */
export const sinkPromises: Readonly<Record<string, readonly SinkPromise[]>> = {
  transaction: transactionPromises,
  inbox: inboxPromises,
  batch: batchPromises,
  fence: fencePromises,
  'applied offset': offsetPromises,
}

/** Runs every promise of the sink port against a driver. */
export function describeSink(name: string, makeSink: MakeSink): void {
  describe(`${name} keeps the promises of the sink port`, () => {
    for (const [chapter, promises] of Object.entries(sinkPromises)) {
      describe(chapter, () => {
        for (const promise of promises) it(promise.promise, () => keepPromise(promise, makeSink))
      })
    }
  })
}

/** Runs one promise. Rejects when it is broken. */
export async function keepPromise(promise: SinkPromise, makeSink: MakeSink): Promise<void> {
  const under = await makeSink()
  try {
    await World.prepare(under)
    await promise.keeps(new World(under))
  } finally {
    await under.dispose()
  }
}
