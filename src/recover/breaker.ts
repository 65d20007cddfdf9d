import { HoldfastError, parseDuration, type Duration } from '../event/index.ts'

/**
 * A circuit breaker as a pure state machine: what happened goes in, the next state comes out.
 *
 *   CLOSED ── `failures` outages within `window` ──▶ OPEN ── probe is due ──▶ HALF_OPEN
 *     ▲                                               ▲                         │
 *     │                                               └──── the probe fails ────┤
 *     └───────────── `closeAfter` probes in a row succeed ◀─────────────────────┘
 *
 * OPEN does not reject work: whoever asks waits, so nothing is burnt. The probe is a question to the dependency itself,
 * one at a time, and never an event. After it the breaker is CLOSED with a ramp (1, 2, 4, … calls at once), so that the
 * dependency is not knocked over again by everything that waited; one outage during the ramp opens it at once.
 */
export type BreakerState =
  | {
      readonly kind: 'CLOSED'
      /** Monotonic times of the outages within the window, oldest first, at most `failures` of them. */
      readonly outages: readonly number[]
      /** How many calls may run at once, and how many succeeded at this width. Undefined: no limit. */
      readonly ramp: { readonly width: number; readonly succeeded: number } | undefined
      readonly backoffMs: number
    }
  | { readonly kind: 'OPEN'; readonly probeAt: number; readonly backoffMs: number }
  | { readonly kind: 'HALF_OPEN'; readonly succeeded: number; readonly backoffMs: number }

export type BreakerInput =
  | { readonly kind: 'success' }
  | { readonly kind: 'outage' }
  | { readonly kind: 'probe-due' }
  | { readonly kind: 'probe-succeeded' }
  | { readonly kind: 'probe-failed' }
  /** By an operator: nothing is let through and nothing is asked until then, in monotonic time. */
  | { readonly kind: 'forced-open'; readonly until: number }
  | { readonly kind: 'forced-closed' }

/** Options as they are written. */
export interface BreakerOptions {
  /** Outages within `window` that open it. More: slower to notice. Defaults to 5. */
  readonly failures?: number | undefined
  /** Defaults to `'60s'`. */
  readonly window?: Duration | undefined
  /** From opening to the first probe. Defaults to `'1s'`. */
  readonly probeAfter?: Duration | undefined
  /** Probes back off to at most this. Defaults to `'15s'`. */
  readonly probeMax?: Duration | undefined
  /** Probes in a row that must succeed. Defaults to 1. */
  readonly closeAfter?: number | undefined
}

export interface BreakerSettings {
  readonly failures: number
  readonly windowMs: number
  readonly probeAfterMs: number
  readonly probeMaxMs: number
  readonly closeAfter: number
}

const breakerDefaults = Object.freeze({
  failures: 5,
  window: '60s',
  probeAfter: '1s',
  probeMax: '15s',
  closeAfter: 1,
} satisfies BreakerOptions)

/** Above this width the ramp is over. */
const RAMP_END = 64

/** `where` names the dependency in errors. */
export function resolveBreakerOptions(options: BreakerOptions, where: string): BreakerSettings {
  const settings = {
    failures: options.failures ?? breakerDefaults.failures,
    windowMs: parseDuration(options.window ?? breakerDefaults.window, `${where}: window`),
    probeAfterMs: parseDuration(options.probeAfter ?? breakerDefaults.probeAfter, `${where}: probeAfter`),
    probeMaxMs: parseDuration(options.probeMax ?? breakerDefaults.probeMax, `${where}: probeMax`),
    closeAfter: options.closeAfter ?? breakerDefaults.closeAfter,
  }
  for (const name of ['failures', 'closeAfter'] as const) {
    if (!Number.isInteger(settings[name]) || settings[name] < 1) {
      throw invalid(`${where}: ${name} must be a whole number from 1, got ${settings[name]}`)
    }
  }
  if (settings.probeMaxMs < settings.probeAfterMs) {
    throw invalid(
      `${where}: probeMax (${settings.probeMaxMs} ms) must not be below probeAfter (${settings.probeAfterMs} ms)`,
    )
  }
  return settings
}

export function closedBreaker(settings: BreakerSettings): BreakerState {
  return { kind: 'CLOSED', outages: [], ramp: undefined, backoffMs: settings.probeAfterMs }
}

/**
 * The next state. `now` is monotonic; `jitter` is uniform in [0, 1). An input that does not belong to the state (a call
 * that began before it opened) changes nothing.
 */
export function nextBreakerState(
  state: BreakerState,
  input: BreakerInput,
  at: { readonly now: number; readonly jitter: number },
  settings: BreakerSettings,
): BreakerState {
  switch (input.kind) {
    case 'success':
      return state.kind === 'CLOSED' ? afterSuccess(state, settings) : state
    case 'outage': {
      if (state.kind !== 'CLOSED') return state
      if (state.ramp) return opened(backedOff(state.backoffMs, settings), at)
      const outages = [...state.outages.filter(time => time > at.now - settings.windowMs), at.now]
      return outages.length >= settings.failures ? opened(settings.probeAfterMs, at) : { ...state, outages }
    }
    case 'probe-due':
      return state.kind === 'OPEN' && at.now >= state.probeAt
        ? { kind: 'HALF_OPEN', succeeded: 0, backoffMs: state.backoffMs }
        : state
    case 'probe-failed':
      return state.kind === 'HALF_OPEN' ? opened(backedOff(state.backoffMs, settings), at) : state
    case 'probe-succeeded': {
      if (state.kind !== 'HALF_OPEN') return state
      const succeeded = state.succeeded + 1
      if (succeeded < settings.closeAfter) return { ...state, succeeded }
      return rampingUp(state.backoffMs)
    }
    case 'forced-open':
      return { kind: 'OPEN', probeAt: input.until, backoffMs: settings.probeAfterMs }
    case 'forced-closed':
      return state.kind === 'CLOSED' ? state : rampingUp(state.backoffMs)
  }
}

function rampingUp(backoffMs: number): BreakerState {
  return { kind: 'CLOSED', outages: [], ramp: { width: 1, succeeded: 0 }, backoffMs }
}

/** How many calls may run at once now. */
export function admittedAtOnce(state: BreakerState): number {
  return state.kind === 'CLOSED' ? (state.ramp?.width ?? Infinity) : 0
}

function afterSuccess(
  state: Extract<BreakerState, { kind: 'CLOSED' }>,
  settings: BreakerSettings,
): BreakerState {
  if (!state.ramp) return state
  const succeeded = state.ramp.succeeded + 1
  if (succeeded < state.ramp.width) return { ...state, ramp: { ...state.ramp, succeeded } }
  const width = state.ramp.width * 2
  return width > RAMP_END
    ? { ...state, ramp: undefined, backoffMs: settings.probeAfterMs }
    : { ...state, ramp: { width, succeeded: 0 } }
}

/** Between half and the whole of the wait, so that processes do not probe in step. */
function opened(backoffMs: number, at: { readonly now: number; readonly jitter: number }): BreakerState {
  return { kind: 'OPEN', probeAt: at.now + backoffMs * (0.5 + at.jitter / 2), backoffMs }
}

function backedOff(backoffMs: number, settings: BreakerSettings): number {
  return Math.min(backoffMs * 2, settings.probeMaxMs)
}

function invalid(detail: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', { detail })
}
