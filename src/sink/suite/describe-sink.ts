import { describe, it } from 'vitest'
import { PATIENCE_MS, type MakeSink, type SinkPromise } from './harness.ts'
import { batchPromises } from './promises/batch.ts'
import { fencePromises } from './promises/fence.ts'
import { inboxPromises } from './promises/inbox.ts'
import { offsetPromises } from './promises/offsets.ts'
import { reprocessPromises } from './promises/reprocess.ts'
import { transactionPromises } from './promises/transaction.ts'
import { World } from './world.ts'

/** Every promise of the port, by chapter. */
export const sinkPromises: Readonly<Record<string, readonly SinkPromise[]>> = {
  transaction: transactionPromises,
  inbox: inboxPromises,
  batch: batchPromises,
  fence: fencePromises,
  'applied offset': offsetPromises,
  reprocess: reprocessPromises,
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

/** Runs one promise. Rejects when it is broken, or not kept within `patienceMs`. */
export async function keepPromise(
  promise: SinkPromise,
  makeSink: MakeSink,
  { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {},
): Promise<void> {
  const under = await makeSink()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not within ${patienceMs} ms`)), patienceMs)
  try {
    await World.prepare(under)
    await Promise.race([promise.keeps(new World(under)), late.promise])
  } finally {
    clearTimeout(timer)
    await under.dispose()
  }
}
