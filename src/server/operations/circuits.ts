import { HoldfastError, parseDuration } from '../../event/index.ts'
import type { BreakerStatus } from '../../recover/index.ts'
import type { App } from '../app.ts'
import type { Operation, OperationContext } from './operation.ts'
import { choice, duration, number, object, rows, text } from './shape.ts'

export interface CircuitList {
  readonly circuits: readonly BreakerStatus[]
}

export interface CircuitInput {
  readonly name: string
}

export interface CircuitOpenInput extends CircuitInput {
  readonly for: string
}

const circuit = object<BreakerStatus>({
  name: text('of what it stands before: a database, a service'),
  state: choice('whether calls are let through', ['CLOSED', 'OPEN', 'HALF_OPEN']),
  since: number('since when'),
  reason: text('why', { max: 10_000 }),
  waiting: number('calls that wait for it'),
  transitions: number('changes of its state since the start'),
})

export const circuitList: Operation<object, CircuitList> = {
  name: 'circuit.list',
  summary: 'list the circuit breakers of a process, each before something that its groups need',
  role: 'viewer',
  effect: 'none',
  input: object<object>({}),
  output: object<CircuitList>({ circuits: rows(circuit) }),
  async run(context) {
    return { circuits: process(context).breakers() }
  },
}

export const circuitShow: Operation<CircuitInput, BreakerStatus> = {
  name: 'circuit.show',
  summary: 'show one circuit breaker',
  role: 'viewer',
  effect: 'none',
  input: object<CircuitInput>({ name: text('its name') }),
  output: circuit,
  async run(context, { name }) {
    return statusOf(process(context), name)
  },
}

export const circuitOpen: Operation<CircuitOpenInput, BreakerStatus> = {
  name: 'circuit.open',
  summary: 'hold back all calls of one process to something for a time: its events wait, none is lost',
  role: 'operator',
  effect: 'change',
  input: object<CircuitOpenInput>({ name: text('its name'), for: duration('how long, before it is probed') }),
  output: circuit,
  async run(context, { name, for: forText }) {
    const app = process(context)
    statusOf(app, name)
    const reason = `opened by ${context.actor.name}: ${context.reason ?? 'no reason given'}`
    app.breaker(name).open(parseDuration(forText, 'for'), reason)
    return statusOf(app, name)
  },
}

export const circuitClose: Operation<CircuitInput, BreakerStatus> = {
  name: 'circuit.close',
  summary: 'let calls through without waiting for a probe; it opens again when they fail',
  role: 'operator',
  effect: 'change',
  input: object<CircuitInput>({ name: text('its name') }),
  output: circuit,
  async run(context, { name }) {
    const app = process(context)
    statusOf(app, name)
    app.breaker(name).close(`closed by ${context.actor.name}: ${context.reason ?? 'no reason given'}`)
    return statusOf(app, name)
  },
}

function process({ app }: OperationContext): App<boolean> {
  if (app) return app
  throw new HoldfastError('PROCESS_NEEDED', { detail: 'a circuit breaker is in the memory of each process' })
}

function statusOf(app: App<boolean>, name: string): BreakerStatus {
  const all = app.breakers()
  const found = all.find(one => one.name === name)
  if (found) return found
  const names = all.map(one => one.name).join(', ')
  throw new HoldfastError('CIRCUIT_UNKNOWN', { detail: `${name}; there are ${names || 'none'}` })
}
