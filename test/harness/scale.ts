import process from 'node:process'

const long = process.env['HOLDFAST_SOAK'] !== undefined

/** One of two sizes: `short` in `npm test`, `long` in `npm run soak`. The assertions are the same. */
export function scale<T>(sizes: { readonly short: T; readonly long: T }): T {
  return long ? sizes.long : sizes.short
}

/** Events a second of a long run with high load. `SOAK_RATE=` is for a machine that cannot bear it. */
export const longRate: number = Number(process.env['SOAK_RATE'] ?? 1_000)

/** Chooses moments and keys. Fixed in `npm test`; a long run chooses one, prints it, and repeats it by `SEED=`. */
export const seed: number = Number(process.env['SEED'] ?? 7)
