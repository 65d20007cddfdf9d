import type { JSX } from 'preact'
import type { Result } from '../../src/contract/result.ts'
import { figureGroups } from '../../src/report/figures.ts'

/** The whole comparison in figures: one column for each arm. */
export function Figures({ result }: { readonly result: Result }): JSX.Element {
  return (
    <section id="figures" aria-labelledby="figures-title">
      <h2 id="figures-title">All figures, by arm</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Figures by arm">
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">Measure</th>
              {result.arms.map(arm => (
                <th key={arm.name} scope="col" class="number">
                  {arm.title}
                </th>
              ))}
            </tr>
          </thead>
          {figureGroups.map(group => (
            <tbody key={group.title}>
              <tr class="group">
                <th scope="rowgroup" colSpan={result.arms.length + 1}>
                  {group.title}
                </th>
              </tr>
              {group.figures.map(({ label, hint, read, show, isBad }) => (
                <tr key={label}>
                  <th scope="row">
                    {label}
                    {hint === undefined ? null : <small>{hint}</small>}
                  </th>
                  {result.arms.map(arm => {
                    const value = read(arm)
                    const bad = value !== null && isBad?.(value) === true
                    return (
                      <td key={arm.name} class={bad ? 'number bad' : 'number'}>
                        {value === null ? '–' : show(value)}
                      </td>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
    </section>
  )
}
