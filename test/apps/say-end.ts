import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import type { App } from 'holdfast'

/** Says `ended {…}` when the newest replay of the log has. */
export async function sayEnd(shop: App<true>): Promise<void> {
  for (;;) {
    const [newest] = await shop.jobs().list()
    if (newest?.endedAt !== undefined) {
      const { state, counts } = newest
      process.stdout.write(`ended ${JSON.stringify({ state, counts })}\n`)
      return
    }
    await wait(100)
  }
}
