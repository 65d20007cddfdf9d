import { problemCatalogue } from '../collect/index.ts'
import { errorCatalogue } from '../event/index.ts'

/** The text of `docs/errors.md`: every code, what happened, what to do. Written by `npm run docs`. */
export function errorsPage(): string {
  const paragraphs = Object.entries(errorCatalogue)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, { message, advice, retriable }]) =>
      [
        `## ${code}`,
        '',
        `${message}.`,
        '',
        `**What to do:** ${advice}`,
        '',
        retriable
          ? 'The same call may succeed later without a change.'
          : 'The same call fails again until something is changed.',
      ].join('\n'),
    )
  return `${[
    '# Errors',
    'Every error that Holdfast throws carries one of these codes in `error.code`; read it there, never by `instanceof`. `holdfast explain-error CODE` prints the same text. This page is written by `npm run docs` from `src/event/errors.ts`.',
    ...paragraphs,
  ].join('\n\n')}\n`
}

/** The text of `docs/collector-problems.md`: everything that the collector can refuse. */
export function problemsPage(): string {
  const paragraphs = Object.entries(problemCatalogue)
    .toSorted(([, a], [, b]) => a.status - b.status)
    .map(([code, { status, title, retryable, advice }]) =>
      [
        `## ${code}`,
        `${status}: ${title}.`,
        `**What to do:** ${advice}`,
        retryable
          ? 'The same request may succeed later, unchanged.'
          : 'The same request is refused again until something is changed.',
      ].join('\n\n'),
    )
  return `${[
    '# What the collector can refuse',
    'Each refusal is an `application/problem+json` (RFC 9457) with one of these in `code`, or one inside `results` for an event among several. By status. This page is written by `npm run docs` from `src/collect/problems.ts`.',
    ...paragraphs,
  ].join('\n\n')}\n`
}
