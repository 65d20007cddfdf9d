import { Option, type Command } from 'commander'
import {
  replayCancel,
  replayList,
  replayShow,
  type ReplayDetail,
  type ReplayListInput,
  type ReplaySummary,
} from '../../server/operations/replay-jobs.ts'
import { replayStart, type ReplayStart, type ReplayStartInput } from '../../server/operations/replay-start.ts'
import { replayModes } from '../../recover/index.ts'
import { timeGiven, type Operating, type OperatingOptions } from '../operating.ts'
import type { View } from '../show.ts'

/** `holdfast replay GROUP` and `holdfast replay-jobs …`. */
export function addReplay(program: Command, operating: Operating): void {
  operating
    .command(program, 'replay', replayStart)
    .argument('<group>', 'its name')
    .requiredOption(
      '--from <place>',
      'where it begins: earliest, 2026-06-10, a time ago such as 1d, or TOPIC/PARTITION@OFFSET',
    )
    .option('--to <place>', 'below which it ends (default: where the group is)')
    .addOption(
      new Option(
        '--mode <mode>',
        'fill: run what is missing; reprocess: take back what was done, and run all again',
      )
        .choices(replayModes)
        .makeOptionMandatory(),
    )
    .option('--rate <rate>', 'events a second at most, such as 500/s (default: what live events leave)')
    .action(
      (
        group: string,
        { from, to, mode, rate, ...options }: OperatingOptions & Omit<ReplayStartInput, 'group'>,
      ) => {
        const input = { group, from: timeGiven(from), to: to && timeGiven(to), mode, rate }
        return operating.run(replayStart, input, options, startView)
      },
    )

  const jobs = program.command('replay-jobs').description('replays of events, running and ended')
  operating
    .command(jobs, 'list', replayList)
    .option('--group <name>', 'only those of one group')
    .action(({ group, ...options }: OperatingOptions & ReplayListInput) =>
      operating.run(replayList, { group }, options, listView),
    )
  operating
    .command(jobs, 'show', replayShow)
    .argument('<id>', 'its id')
    .action((id: string, options: OperatingOptions) => operating.run(replayShow, { id }, options, detailView))
  operating
    .command(jobs, 'cancel', replayCancel)
    .argument('<id>', 'its id')
    .action((id: string, options: OperatingOptions) =>
      operating.run(replayCancel, { id }, options, detailView),
    )
}

type Typed = ReplayStart['types'][number]

const startView: View<ReplayStart> = {
  items: ({ types }) => types,
  columns: {
    type: (one: Typed) => one.type,
    events: (one: Typed) => one.events,
    missing: (one: Typed) => one.missing,
    known: (one: Typed) => one.known,
    left: (one: Typed) => one.left,
    passed: (one: Typed) => one.passed,
  },
  wide: {
    unknown: (one: Typed) => one.unknown,
    unreadable: (one: Typed) => one.unreadable,
  },
  notes: ({ job, parts, counts }) => [
    ...(counts === null || counts.unknown === 0
      ? []
      : [
          `of ${counts.unknown} nobody knows whether they were applied: their day is forgotten; they would not run`,
        ]),
    `${parts.length} partitions: ${parts.map(({ topic, partition, from, to }) => `${topic}/${partition} ${from}–${to}`).join(', ')}`,
    ...(job === null ? [] : [`job ${job}; next: holdfast replay-jobs show ${job}`]),
  ],
}

const listView: View<{ readonly jobs: readonly ReplaySummary[] }> = {
  items: ({ jobs }) => jobs,
  columns: {
    id: (one: ReplaySummary) => one.id,
    group: (one: ReplaySummary) => one.group,
    mode: (one: ReplaySummary) => one.mode,
    state: (one: ReplaySummary) => one.state,
    asked: (one: ReplaySummary, time) => time(one.askedAt),
    ended: (one: ReplaySummary, time) => time(one.endedAt),
    applied: (one: ReplaySummary) => one.counts.applied,
    died: (one: ReplaySummary) => one.counts.died,
    'stands still': (one: ReplaySummary) => one.standsStill,
  },
  wide: {
    reason: (one: ReplaySummary) => one.reason,
    known: (one: ReplaySummary) => one.counts.known,
    by: (one: ReplaySummary) => one.by,
    'cancelled by': (one: ReplaySummary) => one.cancelledBy,
  },
  empty: 'no replays',
}

type Part = ReplayDetail['parts'][number]

const detailView: View<ReplayDetail> = {
  items: ({ parts }) => parts,
  columns: {
    partition: (one: Part) => `${one.topic}/${one.partition}`,
    state: (one: Part) => one.state,
    from: (one: Part) => one.from,
    position: (one: Part) => one.position,
    to: (one: Part) => one.to,
    applied: (one: Part) => one.counts.applied,
    known: (one: Part) => one.counts.known,
    died: (one: Part) => one.counts.died,
    reason: (one: Part) => one.reason,
  },
  wide: {
    left: (one: Part) => one.counts.left,
    passed: (one: Part) => one.counts.passed,
    skipped: (one: Part) => one.counts.skipped,
    unknown: (one: Part) => one.counts.unknown,
  },
  notes: ({ id, mode, group, state, by, reason, cancelledBy, cancelReason }) => [
    `${id}, a ${mode} of ${group}, is ${state}; asked for by ${by}${reason === null ? '' : `: ${reason}`}`,
    ...(cancelledBy === null
      ? []
      : [`cancelled by ${cancelledBy}${cancelReason === null ? '' : `: ${cancelReason}`}`]),
  ],
}
