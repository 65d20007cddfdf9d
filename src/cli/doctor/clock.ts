import type { Clock, Finding } from '../../event/index.ts'

const JUMP_MS = 100
/** Before the first release of Holdfast: a clock that was never set. */
const EARLIEST = Date.UTC(2026, 0, 1)

/** Compares the wall clock with the one that never jumps, for as long as `meanwhile` takes. */
export async function clockFinding(clock: Clock, meanwhile: Promise<unknown>): Promise<Finding> {
  const check = 'clock'
  const before = clock.now() - clock.monotonic()
  await meanwhile
  const jumpMs = Math.round(clock.now() - clock.monotonic() - before)
  const found = new Date(clock.now()).toISOString()
  if (clock.now() < EARLIEST) {
    return {
      check,
      status: 'fail',
      found: `${found}: it was never set`,
      advice: 'Set the clock, best by NTP: retention and the times of events follow it.',
    }
  }
  if (Math.abs(jumpMs) > JUMP_MS) {
    return {
      check,
      status: 'warn',
      found: `${found}, and it jumped by ${jumpMs} ms just now`,
      advice:
        'Let NTP slew the clock (chronyd, systemd-timesyncd) instead of stepping it. Leases and time-outs do not follow it, retention does.',
    }
  }
  return { check, status: 'ok', found }
}
