/** Numbers as people read them. */

export function count(n: number | bigint): string {
  return n.toLocaleString('en-US')
}

/** `0.4/s`, `12/s`, `2,140/s`. */
export function perSecond(rate: number): string {
  const digits = rate > 0 && rate < 10 ? 1 : 0
  return `${rate.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}/s`
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function bytes(n: number): string {
  let value = n
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit > 0 && value < 10 ? 1 : 0
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** The two largest units: `0 s`, `0.3 s`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function age(seconds: number): string {
  if (seconds < 10) return seconds === 0 ? '0 s' : `${Math.max(0.1, seconds).toFixed(1)} s`
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`
}

/** `12:03:04 UTC`. */
export function timeOfDay(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`
}
