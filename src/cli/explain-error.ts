import { errorCatalogue, type ErrorCode } from '../event/index.ts'
import { CliError, exitCode } from './exit-code.ts'

/** The paragraph of one error code. An unknown code is `not found`, with the codes that look most like it. */
export function explainError(given: string): string {
  const code = given.trim().toUpperCase().replaceAll('-', '_')
  if (!Object.hasOwn(errorCatalogue, code)) {
    throw new CliError(`there is no error code ${given}`, exitCode.notFound, {
      next: `Did you mean ${nearest(code, Object.keys(errorCatalogue)).join(', ')}?`,
    })
  }
  const { message, advice, retriable } = errorCatalogue[code as ErrorCode]
  return [
    code,
    '',
    `${message}.`,
    '',
    `What to do: ${advice}`,
    retriable
      ? 'The same call may succeed later without a change.'
      : 'The same call fails again until something is changed.',
    '',
  ].join('\n')
}

/** The three names that take the fewest single-letter changes to become `wanted`. */
function nearest(wanted: string, names: readonly string[]): string[] {
  return names
    .map(name => ({ name, distance: editDistance(wanted, name) }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(changed, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
