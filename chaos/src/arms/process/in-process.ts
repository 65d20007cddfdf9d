/** What every process of an arm does on its own side of {@link startProcess}. */
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'

/** Waits as long as this process was told to be slow; a service calls it for every request, a consumer for every batch. */
export type Slowness = () => Promise<void>

/** Ends this process when its parent is gone, and lets the parent make it slow. Call it once, first. */
export function obeyParent(): Slowness {
  let slowMs = 0
  process.on('message', message => {
    slowMs = (message as { slow: number }).slow
    process.send?.({ slow: slowMs })
  })
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  // Listening keeps the channel, and with it the process, alive.
  process.channel?.unref()
  return async () => {
    if (slowMs > 0) await wait(slowMs)
  }
}

/** The settings that the arm gave, as one JSON argument. */
export function given<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Says that it serves, and where. */
export function tellUp(ports: Readonly<Record<string, number>>): void {
  process.stdout.write(`up ${JSON.stringify(ports)}\n`)
}
