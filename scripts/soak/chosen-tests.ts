import type { HazardTest } from '../hazards/find-tests.ts'

/** What Vitest is to run, or why nobody can say what is meant. */
export type Chosen =
  | { readonly kind: 'run'; readonly files: readonly string[]; readonly name: RegExp | undefined }
  | { readonly kind: 'refused'; readonly why: string }

export interface TestsThere {
  /** The end-to-end tests, from the project's root. */
  readonly endToEnd: readonly string[]
  readonly hazards: readonly HazardTest[]
}

/** By what stands behind `npm run soak --`. */
export function chosenTests([word, name = '', ...words]: readonly string[], there: TestsThere): Chosen {
  if (word === undefined) return { kind: 'run', files: there.endToEnd, name: undefined }
  if (word === 'row' && name !== '' && words.length === 0) return ofRow(name, there)
  if (word === 'file' && name !== '') return inFile(name, words.join(' '), there)
  return {
    kind: 'refused',
    why: 'usage: npm run soak [-- row N | file NAME [WORDS OF A TEST]], such as: npm run soak -- row 12',
  }
}

function ofRow(row: string, { hazards }: TestsThere): Chosen {
  const files = new Set(hazards.flatMap(test => (test.row === row ? [test.file] : [])))
  if (files.size === 0) {
    const rows = new Set(hazards.map(test => test.row))
    return refused(`no test is about row ${row}; there are tests of the rows ${inOrder(rows).join(', ')}`)
  }
  return {
    kind: 'run',
    // A promise of a suite is run by the tests of the drivers, which name no row: all files are looked through.
    files: [...files].every(file => file.endsWith('.test.ts')) ? [...files] : [],
    name: new RegExp(`hazards? ([S0-9, ]+, ?)?${row}(,[S0-9, ]+)?:`),
  }
}

function inFile(name: string, words: string, { endToEnd }: TestsThere): Chosen {
  const files = endToEnd.filter(file => file.includes(name))
  if (files.length === 0)
    return refused(`no end-to-end test has ${name} in the name of its file; there are\n${linesOf(endToEnd)}`)
  return { kind: 'run', files, name: words === '' ? undefined : new RegExp(literal(words)) }
}

/** What a run says of which nothing ran. `skipped`: the names of what was there, as Vitest has them. */
export function whyNothingRan(name: RegExp | undefined, skipped: readonly string[]): string {
  const meant = skipped.filter(test => name === undefined || name.test(test))
  if (meant.length > 0)
    return `nothing was run: what is meant is skipped on this machine, for want of what .ci/skips.txt says\n${linesOf(meant)}`
  return `nothing was run: no test has /${name?.source}/ in its name; say words of one of these, or none for all\n${linesOf(skipped)}`
}

function refused(why: string): Chosen {
  return { kind: 'refused', why }
}

function linesOf(names: readonly string[]): string {
  return names.map(name => `  ${name}`).join('\n')
}

function inOrder(rows: ReadonlySet<string>): string[] {
  return [...rows].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

function literal(words: string): string {
  return words.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
