import { HoldfastError } from './errors.ts'

type Unit = 'ms' | 's' | 'm' | 'h' | 'd'

/** A length of time such as `'250ms'`, `'30s'`, `'5m'`, `'24h'` or `'30d'`. */
export type Duration = `${number}${Unit}`

/** A rate such as `'500/s'` or `'60/m'`. */
export type Rate = `${number}/${'s' | 'm'}`

const MS_PER_UNIT: Record<Unit, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration. Checked at run time as well, because TypeScript accepts `'1 s'` as `${number}s`.
 * `option` names the option in the error.
 */
export function parseDuration(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (!match) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${option} must be a duration such as '250ms', '30s', '5m', '24h' or '30d', got ${JSON.stringify(text)}`,
    })
  }
  return Number(match[1]) * MS_PER_UNIT[match[2] as Unit]
}

/** Events per second of a rate. */
export function parseRate(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\/(s|m)$/.exec(text)
  if (!match || Number(match[1]) <= 0) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${option} must be a rate such as '500/s' or '60/m', got ${JSON.stringify(text)}`,
    })
  }
  return Number(match[1]) / (match[2] === 's' ? 1 : 60)
}
