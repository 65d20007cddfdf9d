import { Gauge, type Registry } from 'prom-client'
import type { SpoolStatus } from '../collect/index.ts'

const states: readonly SpoolStatus['state'][] = ['NORMAL', 'SPOOLING', 'DRAINING']

/** Gauges of a collector that keeps a spool. */
export function spoolGauges(registry: Registry): (status: SpoolStatus) => void {
  const registers = [registry]
  const state = new Gauge({
    name: 'spool_state',
    help: '1 for the state that the spool of the collector is in',
    labelNames: ['state'],
    registers,
  })
  const events = new Gauge({
    name: 'spool_events',
    help: 'Events that only the spool has, as far as known',
    registers,
  })
  const setAside = new Gauge({
    name: 'spool_set_aside_events',
    help: 'Events that the log finds too large since they were spooled: kept on the collector’s disk',
    registers,
  })
  const bytes = new Gauge({ name: 'spool_bytes', help: 'Bytes that the spool takes for them', registers })
  const age = new Gauge({
    name: 'spool_oldest_age_seconds',
    help: 'Age of the oldest of them; 0 when there is none',
    registers,
  })
  return status => {
    for (const each of states) state.set({ state: each }, each === status.state ? 1 : 0)
    events.set(status.events)
    setAside.set(status.setAside.events)
    bytes.set(status.bytes)
    age.set(status.oldestAgeMs / 1_000)
  }
}
