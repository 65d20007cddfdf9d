import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { clock } from '../../src/report/readable.ts'
import type { FaultSpan, Line } from './line.ts'

interface DataTableProps {
  readonly caption: string
  readonly x: readonly number[]
  readonly lines: readonly Line[]
  readonly faults: readonly FaultSpan[]
  readonly format: (value: number) => string
}

/** The figures behind a chart. Its rows are made when somebody opens it. */
export function DataTable({ caption, x, lines, faults, format }: DataTableProps): JSX.Element {
  const [open, setOpen] = useState(false)
  return (
    <details class="data" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>Figures as a table</summary>
      {open ? (
        <div class="scroll tall" tabIndex={0} role="region" aria-label={`${caption}, as a table`}>
          <table>
            <caption class="unseen">{caption}</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {lines.map(line => (
                  <th key={line.label} scope="col">
                    {line.label}
                  </th>
                ))}
                <th scope="col">Fault</th>
              </tr>
            </thead>
            <tbody>
              {x.map((at, index) => (
                <tr key={at}>
                  <th scope="row">{clock(at)}</th>
                  {lines.map(line => {
                    const value = line.values[index]
                    return (
                      <td key={line.label}>{value === null || value === undefined ? '–' : format(value)}</td>
                    )
                  })}
                  <td>{faults.find(({ from, to }) => at >= from && at <= to)?.name ?? ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  )
}
