import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { dlqCauses, type DlqCauses } from '../../server/operations/dlq-causes.ts'
import { dlqCheck } from '../../server/operations/dlq-check.ts'
import { dlqCopy } from '../../server/operations/dlq-copy.ts'
import { dlqDiscard, dlqRelease, dlqRestore, type DlqDecided } from '../../server/operations/dlq-decide.ts'
import { dlqEdit } from '../../server/operations/dlq-edit.ts'
import type { LetterSelection } from '../../server/operations/dlq-letters.ts'
import { dlqList, type DlqListInput } from '../../server/operations/dlq-list.ts'
import { dlqNote } from '../../server/operations/dlq-note.ts'
import { dlqReplay, type DlqReplay, type DlqReplayInput } from '../../server/operations/dlq-replay.ts'
import { dlqShow } from '../../server/operations/dlq-show.ts'
import { dlqStats } from '../../server/operations/dlq-stats.ts'
import { CliError, exitCode } from '../exit-code.ts'
import { logOptions, withAll, type Operating, type OperatingOptions } from '../operating.ts'
import {
  causesView,
  checkView,
  copyView,
  decidedView,
  editView,
  listView,
  noteView,
  replayView,
  restoredView,
  showView,
  statsView,
} from './dlq-views.ts'
import { dlqExport } from './dlq-export.ts'
import { editedByHand } from './dlq-editor.ts'

/** `holdfast dlq …`. */
export function addDlq(program: Command, operating: Operating): void {
  const dlq = program.command('dlq').description('dead letters: events that a group gave up')

  operating
    .command(dlq, 'list', dlqList)
    .option('--group <group>', 'only those of one group')
    .option(
      '--status <status>',
      'died, replaying, resolved, discarded, superseded, open or all (default: open)',
    )
    .option('--cause <cause>', 'fingerprint of a cause, or code or class of the error')
    .option('--type <type>', 'type of the events')
    .option('--topic <topic>', 'of the events')
    .option(
      '--where <condition>',
      'such as \'data.total > 100 && error == "RangeError"\'; see https://cel.dev',
    )
    .option('--limit <n>', 'at most so many')
    .option('--after <id>', 'the page behind this letter; needs a group')
    .action((options: OperatingOptions & DlqListInput) => {
      const { group, status, cause, type, topic, where, limit, after } = options
      const input = { group, status, cause, type, topic, where, limit, after }
      return operating.run(dlqList, input, options, listView)
    })

  operating
    .command(dlq, 'causes', dlqCauses)
    .option('--group <group>', 'only of one group')
    .option(
      '--status <status>',
      'died, replaying, resolved, discarded, superseded, open or all (default: open)',
    )
    .action(({ group, status, ...options }: OperatingOptions & Pick<DlqListInput, 'group' | 'status'>) =>
      operating.run<object, DlqCauses>(dlqCauses, { group, status }, options, causesView),
    )

  operating
    .command(dlq, 'stats', dlqStats)
    .option('--group <group>', 'only one group')
    .action(({ group, ...options }: OperatingOptions & { readonly group?: string }) =>
      operating.run(dlqStats, { group }, options, statsView),
    )

  operating
    .command(dlq, 'show', dlqShow)
    .argument('<id>', 'of the letter')
    .option('--group <group>', 'of which group; it is looked for otherwise')
    .option('--diff', 'where its data differs from the last good event of its type')
    .action((id: string, options: OperatingOptions & { readonly group?: string; readonly diff?: boolean }) =>
      operating.run(dlqShow, { id, group: options.group, diff: options.diff }, options, showView),
    )

  operating
    .command(dlq, 'note', dlqNote)
    .argument('<id>', 'of the letter')
    .argument('<text>', 'the remark')
    .option('--group <group>', 'of which group; it is looked for otherwise')
    .action((id: string, text: string, options: OperatingOptions & { readonly group?: string }) =>
      operating.run(dlqNote, { id, text, group: options.group }, options, noteView),
    )

  selecting(operating.command(dlq, 'edit', dlqEdit))
    .option('--patch <file>', 'JSON merge patch (RFC 7396): fields replace, null removes')
    .option('--editor', 'edit the data of one letter in $EDITOR')
    .option('--replay', 'replay it afterwards')
    .action((ids: string[], options: EditCommandOptions) => edit(operating, ids, options))

  selecting(operating.command(dlq, 'replay', dlqReplay))
    .option('--rate <rate>', 'at most so fast, such as 50/s')
    .option('--first <n>', 'try so many first, and see')
    .option('--dry-run', 'run no handler: say of each letter whether it would be called')
    .option(
      '--to <topic>',
      'publish the events to another topic instead, for all its groups; the letters stay',
    )
    .action((ids: string[], options: ReplayCommandOptions) => {
      const selection = selectionOf(ids, options)
      const { rate, first, to, dryRun } = options
      refuseTogether(options)
      if (dryRun === true) return operating.run(dlqCheck, selection, options, checkView)
      if (to !== undefined) return operating.run(dlqCopy, { ...selection, to }, options, copyView)
      return replay(operating, { ...selection, rate, first }, options)
    })

  for (const [verb, operation, view] of [
    ['discard', dlqDiscard, decidedView],
    ['restore', dlqRestore, restoredView],
    ['release', dlqRelease, decidedView],
  ] as const) {
    selecting(operating.command(dlq, verb, operation)).action((ids: string[], options: SelectingOptions) =>
      operating.run<LetterSelection, DlqDecided>(operation, selectionOf(ids, options), options, view),
    )
  }

  withAll(dlq.command('export'), logOptions())
    .description('print the events of dead letters, one JSON a line: what topic produce --input jsonl reads')
    .requiredOption('--group <group>', 'of which group')
    .option(
      '--status <status>',
      'died, replaying, resolved, discarded, superseded, open or all (default: open)',
    )
    .option('--cause <cause>', 'fingerprint of a cause, or code or class of the error')
    .option('--where <condition>', 'see dlq list')
    .action(options => dlqExport(options, operating.io))
}

interface SelectingOptions extends OperatingOptions {
  readonly group?: string
  readonly cause?: string
  readonly type?: string
  readonly topic?: string
  readonly where?: string
  readonly all?: boolean
  readonly limit?: number
}

interface ReplayCommandOptions extends SelectingOptions {
  readonly rate?: string
  readonly first?: number
  readonly dryRun?: boolean
  readonly to?: string
}

/** What would be left out silently. */
function refuseTogether({ dryRun, to, rate, first, execute }: ReplayCommandOptions): void {
  const given = Object.entries({
    '--dry-run': dryRun,
    '--to': to,
    '--rate': rate,
    '--first': first,
    '--execute': execute,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  const others = given.filter(name =>
    dryRun === true ? name !== '--dry-run' : ['--rate', '--first'].includes(name),
  )
  if ((dryRun !== true && to === undefined) || others.length === 0) return
  const mode = dryRun === true ? '--dry-run' : '--to'
  throw new CliError(`${mode} does not go with ${others.join(' and ')}`, exitCode.usage, {
    next: 'Leave one of them out; --limit works with each.',
  })
}

function selecting(command: Command): Command {
  return command
    .argument('[ids...]', 'ids of letters')
    .option('--group <group>', 'of which group, where several have such letters')
    .option('--cause <cause>', 'fingerprint of a cause, or code or class of the error')
    .option('--type <type>', 'type of the events')
    .option('--topic <topic>', 'of the events')
    .option(
      '--where <condition>',
      'such as \'data.total > 100 && error == "RangeError"\'; see https://cel.dev',
    )
    .option('--all', 'all that are dead')
    .option('--limit <n>', 'at most so many, the oldest first')
}

function selectionOf(ids: readonly string[], options: SelectingOptions): LetterSelection {
  const { group, cause, type, topic, where, all, limit } = options
  return { group, cause, type, topic, where, all, limit, ids: ids.length > 0 ? ids : undefined }
}

interface EditCommandOptions extends SelectingOptions {
  readonly patch?: string
  readonly editor?: boolean
  readonly replay?: boolean
}

async function edit(
  operating: Operating,
  ids: readonly string[],
  options: EditCommandOptions,
): Promise<void> {
  const selection = selectionOf(ids, options)
  const change =
    options.editor === true
      ? { data: await editedByHand(operating, ids, options) }
      : { patch: patchIn(options.patch) }
  let edited = 0
  await operating.run(dlqEdit, { ...selection, ...change }, options, {
    ...editView,
    notes: answer => {
      edited = answer.edited
      return editView.notes?.(answer) ?? []
    },
  })
  if (options.replay !== true || options.execute !== true || edited === 0) return
  await replay(operating, selection, { ...options, yes: true })
}

/** Call after call, until all were asked for. */
async function replay(operating: Operating, input: DlqReplayInput, options: OperatingOptions): Promise<void> {
  let last: DlqReplay | undefined
  await operating.run(dlqReplay, input, options, {
    ...replayView,
    exit: answer => {
      last = answer
      return replayView.exit?.(answer)
    },
  })
  const { reason, execute } = options
  if (execute !== true) return
  while (last && last.notAsked > 0 && last.unanswered === 0) {
    if (reason === undefined) {
      operating.io.err(`${last.notAsked} are left: say the same again\n`)
      return
    }
    const next = { ...input, first: undefined, limit: last.notAsked, diedBefore: last.began }
    last = await operating.ask(dlqReplay, next, options, { execute, reason })
    for (const note of replayView.notes?.(last) ?? []) operating.io.err(`${note}\n`)
    const code = replayView.exit?.(last)
    if (code !== undefined) operating.ended(code)
  }
}

function patchIn(file: string | undefined): unknown {
  if (file === undefined) {
    throw new CliError('dlq edit needs a change', exitCode.usage, {
      next: 'Say which: --patch FILE.json, or --editor for one letter',
    })
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (cause) {
    throw new CliError(`${file} cannot be read as JSON: ${(cause as Error).message}`, exitCode.usage, {
      cause,
    })
  }
}
