import { sleep } from '../../event/index.ts'
import { pausedGroups } from '../group-control.ts'
import { progressNow } from '../group-progress.ts'
import { forecast, type DrainForecast } from './drain-forecast.ts'
import { summaryFields } from './group-list.ts'
import {
  knownGroup,
  openLetters,
  partitionsOf,
  summaryOf,
  type GroupSummary,
  type PartitionStanding,
} from './group-standing.ts'
import { LOOK_WITHIN_MS, type Operation, type OperationContext } from './operation.ts'
import { choice, digits, nullable, number, object, rows, text } from './shape.ts'

export interface GroupDescribeInput {
  readonly group: string
}

export interface PartitionReport {
  readonly topic: string
  readonly partition: number
  readonly owner: string | null
  readonly committed: string | null
  readonly start: string
  readonly end: string
  readonly lag: number
  readonly lagSeconds: number
}

export interface GroupReport extends GroupSummary {
  /** Dead, or being replayed. */
  readonly letters: number
  readonly forecast: DrainForecast
  readonly partitions: readonly PartitionReport[]
}

/** Without a process that has watched the group, it is watched for so long. */
const SAMPLE_MS = 2_000

const forecastShape = object<DrainForecast>({
  kind: choice('whether it catches up as things went lately', [
    'caught up',
    'keeps up',
    'drains',
    'never',
    'unknown',
  ]),
  seconds: nullable(number('until it has caught up')),
  donePerSecond: nullable(number('events')),
  arrivingPerSecond: nullable(number('events')),
  overSeconds: nullable(number('what the rates were measured over')),
})

export const groupDescribe: Operation<GroupDescribeInput, GroupReport> = {
  name: 'group.describe',
  summary: 'show one group: members, every partition with its lag, and when it will have caught up',
  role: 'viewer',
  effect: 'none',
  withinMs: LOOK_WITHIN_MS,
  input: object<GroupDescribeInput>({ group: text('its name') }),
  output: object<GroupReport>({
    ...summaryFields,
    letters: number('dead letters that are open'),
    forecast: forecastShape,
    partitions: rows(
      object<PartitionReport>({
        topic: text('of the events'),
        partition: number('of the topic'),
        owner: nullable(text('the member that works on it')),
        committed: nullable(digits('the next offset to read; null before the first commit')),
        start: digits('the first offset that is kept'),
        end: digits('the offset of the next event'),
        lag: number('events that are not done'),
        lagSeconds: number('age of the oldest of them'),
      }),
    ),
  }),
  async run(context, { group }) {
    const { system, clock, signal } = context
    await knownGroup(context, group)
    const [partitions, paused, letters] = await Promise.all([
      partitionsOf(context, group),
      pausedGroups(system.log, signal),
      openLetters(context, group),
    ])
    const summary = await summaryOf(context, group, { partitions, paused })
    return {
      ...summary,
      letters,
      forecast: await forecastFor(context, group, summary.lag),
      partitions: partitions.map(one => reportOf(one, clock.now())),
    }
  },
}

async function forecastFor(
  { system, clock, progress, signal }: OperationContext,
  group: string,
  lag: number,
): Promise<DrainForecast> {
  let [before] = progress?.of(group) ?? []
  if (before === undefined && lag > 0) {
    before = await progressNow(system, clock, group)
    await sleep(clock, SAMPLE_MS, signal)
  }
  return forecast(lag, await progressNow(system, clock, group), before)
}

function reportOf(one: PartitionStanding, now: number): PartitionReport {
  const { topic, partition, owner, committed, start, end, lag, oldestAt } = one
  return {
    topic,
    partition,
    owner: owner ?? null,
    committed: committed === undefined ? null : String(committed),
    start: String(start),
    end: String(end),
    lag: Number(lag),
    lagSeconds: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt) / 1_000,
  }
}
