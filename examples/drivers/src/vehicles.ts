/** Another service, asked over HTTP. It may be away, and then `positions` waits for it. */
export interface Vehicles {
  /** Undefined when nobody knows. Throws {@link VehiclesAway} when there is no answer. */
  vehicleOf(driver: string, signal: AbortSignal): Promise<string | undefined>
  /** Resolves when it works. */
  probe(signal: AbortSignal): Promise<void>
}

export class VehiclesAway extends Error {}

export function vehiclesAt(url: string): Vehicles {
  const ask = async (path: string, signal: AbortSignal): Promise<string> => {
    try {
      const answer = await fetch(`${url}${path}`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]),
      })
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      return await answer.text()
    } catch (cause) {
      throw new VehiclesAway(`no answer from ${url}${path}`, { cause })
    }
  }
  return {
    vehicleOf: (driver, signal) => ask(`/vehicles/${encodeURIComponent(driver)}`, signal),
    probe: async signal => void (await ask('/healthz', signal)),
  }
}

/** Where there is no such service. */
export const noVehicles: Vehicles = { vehicleOf: async () => undefined, probe: async () => {} }
