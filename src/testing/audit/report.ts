import type { Audit, Findings } from './audit.ts'

/** How many examples of one finding are printed; the number of all is always there. */
const EXAMPLES = 5

/** The audit as a table for people: the sums first, then each kind of finding with its first examples. */
export function auditReport(title: string, { counts, findings, clean }: Audit): string {
  const lines = [
    `Audit: ${title}`,
    `  planned  ${wide(counts.planned)}  = sent ${plain(counts.sent)} + unsent ${plain(counts.unsent)}`,
    `  sent     ${wide(counts.sent)}  = accepted ${plain(counts.accepted)} + refused ${plain(counts.refused)} + unanswered ${plain(counts.unanswered)}`,
    `  accepted ${wide(counts.accepted)}  = done ${plain(counts.done)} + skipped ${plain(counts.skipped)} + dead ${plain(counts.dead)} + pending ${plain(counts.pending)} + expired ${plain(counts.expired)} + lost ${plain(findings.lost.length)}`,
    `  rows     ${wide(counts.rows)}  of which ${plain(counts.doneUnanswered)} events were never answered`,
  ]
  for (const [name, meaning] of Object.entries(meanings) as [keyof Findings, string][]) {
    const found = findings[name]
    lines.push(`  ${name.padEnd(14)} ${wide(found.length)}  ${meaning}`)
    for (const example of found.slice(0, EXAMPLES)) lines.push(`      ${describe(example)}`)
    if (found.length > EXAMPLES) lines.push(`      and ${plain(found.length - EXAMPLES)} more`)
  }
  lines.push(clean ? '  clean: every sum closes and nothing was found' : '  NOT CLEAN')
  return lines.join('\n')
}

const meanings: Readonly<Record<keyof Findings, string>> = {
  lost: 'accepted, and nowhere',
  doubled: 'applied more than once',
  ghosts: 'stored, though never sent or refused',
  altered: 'stored with another payload or key',
  inversions: 'applied out of order within their key',
  contradictions: 'in two places at once',
  aggregates: 'sums that differ from the model',
  unbalanced: 'sums that do not close',
}

function wide(value: number): string {
  return plain(value).padStart(9)
}

function plain(value: number): string {
  return value.toLocaleString('en-US')
}

function describe(example: Findings[keyof Findings][number]): string {
  return typeof example === 'string'
    ? example
    : Object.entries(example)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', ')
}
