import { pino } from 'pino'
import type { Logger } from '../event/index.ts'

export interface ProcessLoggerOptions {
  /** Where lines go; a terminal gets lines for people, anything else JSON. */
  readonly to: { readonly isTTY?: boolean | undefined; write(text: string): unknown }
  /** Wall clock, for the lines on a terminal. */
  readonly now: () => number
}

/** The log of a process: one line when a state changes, nothing while all is well. */
export function processLogger({ to, now }: ProcessLoggerOptions): Logger {
  if (to.isTTY !== true)
    return pino(
      { base: null, timestamp: pino.stdTimeFunctions.isoTime },
      { write: text => void to.write(text) },
    )
  const line =
    (mark: string) =>
    (fields: Record<string, unknown>, message: string): void => {
      to.write(`${timeOfDay(now())} ${mark}${message}${shown(fields)}\n`)
    }
  return { debug() {}, info: line(''), warn: line('! '), error: line('ERROR ') }
}

function timeOfDay(ms: number): string {
  const at = new Date(ms)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(n => String(n).padStart(2, '0')).join(':')
}

/** Fields as `name=value`; an error as its message, because its stack is for machines. */
function shown(fields: Record<string, unknown>): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${text(value)}`)
  return parts.length === 0 ? '' : `  (${parts.join(', ')})`
}

function text(value: unknown): string {
  if (value instanceof Error) return value.message
  if (typeof value === 'string' || typeof value === 'bigint') return String(value)
  return (
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)) ??
    String(value)
  )
}
