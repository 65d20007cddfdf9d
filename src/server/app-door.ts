import type { Collector, Listening } from '../collect/index.ts'
import type { AppCollectorOptions, DoorSettings } from './app-api.ts'
import { holdPort, type HeldPort } from './hold-port.ts'
import { portError, type ListenOptions } from './listen.ts'

/** Undefined for a collector that is mounted in a server of the user's own. */
export async function holdDoor(
  { port, host = '127.0.0.1' }: AppCollectorOptions,
  door: DoorSettings | undefined,
): Promise<HeldPort | undefined> {
  if (port === undefined) return undefined
  return holdPort({ port, host, setBy: door?.setBy ?? 'the port of app.collector()' })
}

export async function listenOn(collector: Collector, at: ListenOptions): Promise<Listening> {
  try {
    return await collector.listen(at.port, at.host)
  } catch (error) {
    throw portError(error, at)
  }
}
