/** Figures as people read them: thousands separated, units with a space, no more digits than mean something. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })

export function count(value: number): string {
  return whole.format(value)
}

/** Anything measured: at most three digits behind the point. */
export function figure(value: number): string {
  return trimmed(value, 3)
}

/** For axes: `1.2K`. */
export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? trimmed(value, 2) : compact.format(value)
}

/** `0.401` → `40.1 %`. Never rounds something to nothing, nor nearly all to all. */
export function share(part: number): string {
  const percent = part * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  if (percent < 100 && percent > 99.9) return '> 99.9 %'
  return `${trimmed(percent, 1)} %`
}

export function millis(value: number): string {
  if (value >= 10_000) return seconds(value / 1000)
  if (value >= 1000) return `${trimmed(value / 1000, 2)} s`
  if (value >= 100) return `${whole.format(value)} ms`
  return `${trimmed(value, value < 1 ? 2 : 1)} ms`
}

export function seconds(value: number): string {
  if (value < 90) return `${trimmed(value, 1)} s`
  const minutes = Math.floor(value / 60)
  const rest = Math.round(value - minutes * 60)
  if (minutes < 90) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A moment of a run: `1:05`, or `2:01:05` from an hour on. */
export function clock(at: number): string {
  const total = Math.round(at)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60]
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [left, unit] = [value, 0]
  for (; left >= 1024 && unit < units.length - 1; unit++) left /= 1024
  return `${trimmed(left, left < 10 ? 1 : 0)} ${units[unit]}`
}

export function dollars(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 100 ? 2 : 0
  const form = {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }
  return new Intl.NumberFormat('en-US', form as Intl.NumberFormatOptions).format(value)
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

function trimmed(value: number, digits: number): string {
  return new Intl.NumberFormat('en-US', { maximumFractionDigits: digits }).format(value)
}
