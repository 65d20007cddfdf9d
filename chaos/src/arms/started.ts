import type { Service } from '../contract/arm.ts'
import { startProcess, type ArmProcess, type ProcessOptions } from './process/arm-process.ts'

/** The processes of an arm, started one after another. */
export interface Started {
  /** By name, as faults know them. */
  readonly services: ReadonlyMap<string, Service>
  port(service: string, port?: string): number
  stop(): Promise<void>
}

/**
 * Starts processes in the order given; each is told what is there before it. When one fails, or `signal` aborts, those
 * that run are stopped.
 */
export async function startAll(
  signal: AbortSignal,
  ...steps: readonly ((before: Pick<Started, 'port'>) => ProcessOptions)[]
): Promise<Started> {
  const running: ArmProcess[] = []
  const port = (service: string, port = 'port'): number => {
    const known = running.find(({ name }) => name === service)?.ports[port]
    if (known === undefined) throw new Error(`${service} has not told its ${port}`)
    return known
  }
  // Those that send stop before those that they send to.
  const stop = async (): Promise<void> => {
    for (const one of running.toReversed()) await one.stop()
  }
  try {
    for (const step of steps) {
      signal.throwIfAborted()
      running.push(await startProcess(step({ port })))
    }
    signal.throwIfAborted()
  } catch (error) {
    await stop()
    throw error
  }
  return { services: new Map(running.map(one => [one.name, one])), port, stop }
}
