import type { JSX } from 'preact'

const shapes = {
  yes: 'M4.5 10.5l3.5 3.5 7.5-8',
  no: 'M5.5 5.5l9 9m0-9l-9 9',
  warn: 'M10 5v6m0 3.2v.3',
  run: 'M8 6.5l5.5 3.5L8 13.5z',
  pause: 'M7.5 6v8m5-8v8',
} as const

export type IconName = keyof typeof shapes

/** A mark beside words that say the same. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <circle cx="10" cy="10" r="9.5" />
      <path d={shapes[name]} fill="none" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}
