import type { JSX } from 'preact'
import type { Result } from '../../src/contract/result.ts'
import { figure } from '../../src/report/readable.ts'
import { Icon } from '../icon.tsx'

/** What was declared before the run, and what came of it. */
export function Checks({ result }: { readonly result: Result }): JSX.Element {
  const titles = new Map(result.arms.map(arm => [arm.name, arm.title]))
  return (
    <section id="checks" aria-labelledby="checks-title">
      <h2 id="checks-title">Hypothesis, declared before the run</h2>
      <blockquote>{result.scenario.hypothesis}</blockquote>
      {result.partial ? (
        <p class="callout">
          The run was interrupted, so nothing is asserted. The figures below cover what ran.
        </p>
      ) : null}
      {result.checks.length === 0 ? null : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Checks">
          <table class="checks">
            <thead>
              <tr>
                <th scope="col">Result</th>
                <th scope="col">Arm</th>
                <th scope="col">Expected</th>
                <th scope="col" class="number">
                  Found
                </th>
                <th scope="col">Because</th>
              </tr>
            </thead>
            <tbody>
              {result.checks.map(check => (
                <tr key={`${check.arm} ${check.expression}`}>
                  <td class="mark">
                    <Icon name={check.passed ? 'yes' : 'no'} />
                    {check.passed ? 'passed' : 'failed'}
                  </td>
                  <td>{titles.get(check.arm) ?? check.arm}</td>
                  <td>
                    <code>{check.expression}</code>
                  </td>
                  <td class="number">
                    {typeof check.actual === 'number' ? figure(check.actual) : check.actual}
                  </td>
                  <td class="soft">{check.because}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
