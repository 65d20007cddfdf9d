import type { JSX } from 'preact'
import type { Style } from './line.ts'

/** A piece of a line as the chart draws it: colour and dashes. */
export function Swatch({ colour, dash }: Style): JSX.Element {
  return (
    <svg class="swatch" width="22" height="10" aria-hidden="true">
      <line
        x1="1"
        y1="5"
        x2="21"
        y2="5"
        stroke-width="3"
        stroke-dasharray={dash.join(' ')}
        style={{ stroke: `var(${colour})` }}
      />
    </svg>
  )
}
