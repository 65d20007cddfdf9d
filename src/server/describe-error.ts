import { errorCatalogue, isHoldfastError } from '../event/index.ts'

/** An error as a person reads it on a terminal: the code, the cause, and what to do (`next` of the error, if it has one). */
export function describeError(error: unknown): string {
  if (isHoldfastError(error)) {
    return lines(`${error.code}: ${error.message}`, errorCatalogue[error.code].advice, [
      `npx holdfast explain-error ${error.code}`,
    ])
  }
  const next = error instanceof Error && 'next' in error ? error.next : undefined
  if (typeof next === 'string') return lines(rootCause(error as Error), next)
  return lines(error instanceof Error ? rootCause(error) : String(error))
}

function lines(what: string, next?: string, more: readonly string[] = []): string {
  return [`holdfast: ${what}`, ...(next === undefined ? [] : [`  ${next}`]), ...more.map(line => `  ${line}`)]
    .map(line => `${line}\n`)
    .join('')
}

/** `fetch failed` says nothing; what it wraps does. An AggregateError of addresses has no message at all. */
function rootCause(error: Error): string {
  const parts: string[] = []
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const [first] = cause instanceof AggregateError ? (cause.errors as unknown[]) : []
    const message = cause.message === '' && first instanceof Error ? first.message : cause.message
    if (message !== '' && !parts.some(part => part.includes(message))) parts.push(message)
  }
  return parts.join(': ') || error.name
}
