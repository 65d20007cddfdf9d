import type { JSX } from 'preact'
import { useId } from 'preact/hooks'
import { Mark, type Origin } from './mark.tsx'

/** A figure that the reader may change. What is not a number, or below 0, changes nothing. */
export function NumberField({
  label,
  value,
  step,
  origin,
  onChange,
}: {
  readonly label: string
  readonly value: number
  readonly step: string
  readonly origin?: Origin
  readonly onChange: (value: number) => void
}): JSX.Element {
  const id = useId()
  const given = (number: number): void => {
    if (Number.isFinite(number) && number >= 0) onChange(number)
  }
  return (
    <p class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min="0"
        step={step}
        inputMode="decimal"
        value={value}
        onInput={event => given(event.currentTarget.valueAsNumber)}
      />
      {origin === undefined ? null : <Mark origin={origin} />}
    </p>
  )
}
