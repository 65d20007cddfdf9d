import process from 'node:process'

const long = process.env['HOLDFAST_SOAK'] !== undefined

/** One of two sizes: `short` in `npm test`, `long` in `npm run soak`. The assertions are the same. */
export function scale<T>(sizes: { readonly short: T; readonly long: T }): T {
  return long ? sizes.long : sizes.short
}

/** Chooses moments and keys. Fixed in `npm test`; a long run chooses one, prints it, and repeats it by `SEED=`. */
export const seed: number = Number(process.env['SEED'] ?? 7)
