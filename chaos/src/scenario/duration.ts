const units = { ms: 0.001, s: 1, m: 60, h: 3_600 }

/** Seconds of a text such as `45s`, `1.5m` or `200ms`; undefined for anything else. */
export function secondsOf(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? []
  return number === undefined ? undefined : Number(number) * units[unit as keyof typeof units]
}
