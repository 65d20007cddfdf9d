import { Counter, Gauge, type Registry } from 'prom-client'
import type { BreakerObserver, BreakerStateName } from '../recover/index.ts'

const states: readonly BreakerStateName[] = ['CLOSED', 'OPEN', 'HALF_OPEN']

/** The steps that a breaker takes. */
const steps: readonly (readonly [BreakerStateName, BreakerStateName])[] = [
  ['CLOSED', 'OPEN'],
  ['OPEN', 'HALF_OPEN'],
  ['HALF_OPEN', 'OPEN'],
  ['HALF_OPEN', 'CLOSED'],
]

/** Shows the state of each breaker as three series, of which one is 1, so that an alert needs no number for a name. */
export function breakerMetrics(registry: Registry): Required<BreakerObserver> {
  const registers = [registry]
  const state = new Gauge({
    name: 'circuit_breaker_state',
    help: '1 for the state that the breaker is in, 0 for the others',
    labelNames: ['name', 'state'],
    registers,
  })
  const changes = new Counter({
    name: 'circuit_breaker_state_changes_total',
    help: 'Transitions',
    labelNames: ['name', 'from', 'to'],
    registers,
  })
  const rejected = new Counter({
    name: 'circuit_breaker_rejected_total',
    help: 'Calls that were due and not tried because the breaker was not closed',
    labelNames: ['name'],
    registers,
  })
  return {
    changed({ name, from, to }) {
      for (const each of states) state.set({ name, state: each }, each === to ? 1 : 0)
      if (from !== undefined) return changes.inc({ name, from, to })
      rejected.inc({ name }, 0)
      for (const [before, after] of steps) changes.inc({ name, from: before, to: after }, 0)
    },
    held({ name }) {
      rejected.inc({ name })
    },
  }
}
