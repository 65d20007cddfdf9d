import { problemCatalogue, type ProblemCode } from '../collect/index.ts'
import { errorCatalogue, type ErrorCode } from '../event/index.ts'
import { CliError, exitCode } from './exit-code.ts'

/**
 * The paragraph of one code: an error that is thrown (`LOG_FULL`) or a problem that the collector answers
 * (`not_stored`). An unknown code is `not found`, with the codes that look most like it.
 */
export function explainError(given: string): string {
  const code = given.trim().toUpperCase().replaceAll('-', '_')
  const paragraphs: string[] = []
  if (Object.hasOwn(errorCatalogue, code)) {
    const { message, advice, retriable } = errorCatalogue[code as ErrorCode]
    paragraphs.push(paragraph(code, message, advice, retriable))
  }
  const problem = code.toLowerCase()
  if (Object.hasOwn(problemCatalogue, problem)) {
    const { status, title, advice, retryable } = problemCatalogue[problem as ProblemCode]
    paragraphs.push(paragraph(`${problem} (${status})`, title, advice, retryable))
  }
  // The two catalogues may use one word; then both are meant.
  if (paragraphs.length > 0) return paragraphs.join('\n')
  const codes = [...Object.keys(errorCatalogue), ...Object.keys(problemCatalogue)]
  throw new CliError(`there is no error code ${given}`, exitCode.notFound, {
    next: `Did you mean ${nearest(code, codes).join(', ')}?`,
  })
}

function paragraph(code: string, what: string, advice: string, again: boolean): string {
  const later = again
    ? 'The same call may succeed later without a change.'
    : 'The same call fails again until something is changed.'
  return `${code}\n\n${what}.\n\nWhat to do: ${advice}\n${later}\n`
}

/** The three names that take the fewest single-letter changes to become `wanted`. */
function nearest(wanted: string, names: readonly string[]): string[] {
  return names
    .map(name => ({ name, distance: editDistance(wanted, name.toUpperCase()) }))
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
