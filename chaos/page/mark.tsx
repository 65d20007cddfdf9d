import type { JSX } from 'preact'

/** Where a figure comes from: nobody should take a published one for a measurement. */
export type Origin = 'published' | 'measured' | 'yours'

export function Mark({ origin }: { readonly origin: Origin }): JSX.Element {
  return <span class={`origin ${origin}`}>{origin}</span>
}
