import { age } from '../server/readable.ts'
import { CliError, exitCode, type ExitCode } from './exit-code.ts'
import { table } from './table.ts'
import { yaml } from './yaml.ts'

export const formats = ['table', 'wide', 'json', 'jsonl', 'yaml'] as const
type Format = (typeof formats)[number]
export const timeStyles = ['iso', 'utc', 'relative'] as const

export interface ShowOptions {
  readonly output: Format
  /** Names of columns, with commas between. */
  readonly columns?: string
  readonly headers?: boolean
  readonly time: (typeof timeStyles)[number]
}

/** How an answer looks to people. Machines get the answer itself, or with `jsonl` its items one a line. */
export interface View<Out> {
  /** What has a line of its own. Of a single thing, a list of one. */
  readonly items: (answer: Out) => readonly object[]
  readonly columns: Readonly<Record<string, Cell>>
  /** Further columns of `wide`. */
  readonly wide?: Readonly<Record<string, Cell>>
  /** Said to people when there is nothing to list. */
  readonly empty?: string
  /** Said to people after the list. */
  readonly notes?: (answer: Out) => readonly string[]
  /** With which code the command ends, where it is not 0. */
  readonly exit?: (answer: Out) => ExitCode | undefined
}

// Cells of a view are written beside its items; a view of one kind is never given items of another.
// oxlint-disable-next-line typescript/no-explicit-any
export type Cell = (item: any, time: (ms: number | null) => string) => string | number | boolean | null

/** What goes to stdout. `now`: milliseconds since 1970. */
export function show<Out extends object>(
  answer: Out,
  view: View<Out>,
  options: ShowOptions,
  now: number,
): string {
  switch (options.output) {
    case 'json':
      return `${JSON.stringify(answer, undefined, 2)}\n`
    case 'jsonl':
      return view
        .items(answer)
        .map(item => `${JSON.stringify(item)}\n`)
        .join('')
    case 'yaml':
      return yaml(answer)
    case 'table':
    case 'wide':
      return lines(answer, view, options, now)
  }
}

function lines<Out extends object>(answer: Out, view: View<Out>, options: ShowOptions, now: number): string {
  const items = view.items(answer)
  if (items.length === 0) return ''
  const all = { ...view.columns, ...view.wide }
  const names =
    options.columns === undefined
      ? Object.keys(options.output === 'wide' ? all : view.columns)
      : chosen(options.columns, Object.keys(all))
  const time = (ms: number | null): string => timeText(ms, options.time, now)
  const cells = items.map(item => names.map(name => cellText(all[name]?.(item, time) ?? null)))
  return table(names, cells, { headers: options.headers !== false })
}

function chosen(given: string, known: readonly string[]): string[] {
  const names = given.split(',').map(name => name.trim())
  const unknown = names.find(name => !known.includes(name))
  if (unknown === undefined) return names
  throw new CliError(`there is no column ${unknown}`, exitCode.usage, {
    next: `There are: ${known.join(', ')}`,
  })
}

function cellText(value: string | number | boolean | null): string {
  return value === null || value === '' ? '-' : String(value)
}

function timeText(ms: number | null, style: ShowOptions['time'], now: number): string {
  if (ms === null) return '-'
  if (style === 'relative') return `${age(Math.abs(now - ms) / 1_000)}${ms > now ? ' ahead' : ' ago'}`
  const iso = new Date(ms).toISOString()
  return style === 'utc' ? iso.replace('T', ' ').replace(/\.\d+Z$/, '') : iso
}
