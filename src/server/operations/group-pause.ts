import { parseDuration, sleep } from '../../event/index.ts'
import { decide, pausedGroups, type GroupDecision } from '../group-control.ts'
import { knownGroup } from './group-standing.ts'
import type { Operation, OperationContext } from './operation.ts'
import { duration, object, optional, rows, text } from './shape.ts'

export interface GroupPauseInput {
  readonly group: string
}

export interface GroupResumeInput extends GroupPauseInput {
  readonly allowDeadFor?: string | undefined
}

/** `members`: after a pause those that have not left yet, after a resume those that are there. */
export interface GroupMembers {
  readonly group: string
  readonly members: readonly string[]
}

const output = object<GroupMembers>({ group: text('its name'), members: rows(text('a member')) })

/** Members drain for at most 10 s before they leave. */
const LEAVE_MS = 15_000
const LOOK_EVERY_MS = 100

export const groupPause: Operation<GroupPauseInput, GroupMembers> = {
  name: 'group.pause',
  summary: 'drain a group and keep it from running, in all its processes and after their restarts',
  role: 'operator',
  effect: 'change',
  input: object<GroupPauseInput>({ group: text('its name') }),
  output,
  async run(context, { group }) {
    await knownGroup(context, group)
    await decideHere(context, { kind: 'paused', group, reason: context.reason ?? 'no reason given' })
    return { group, members: await membersAfter(context, group, members => members.length === 0) }
  },
}

export const groupResume: Operation<GroupResumeInput, GroupMembers> = {
  name: 'group.resume',
  summary: 'let a group go on that was paused by somebody or by a flood of dead letters',
  role: 'operator',
  effect: 'change',
  input: object<GroupResumeInput>({
    group: text('its name'),
    allowDeadFor: optional(duration('let events die for so long, whatever share of them does')),
  }),
  output,
  async run(context, { group, allowDeadFor }) {
    await knownGroup(context, group)
    const ms = allowDeadFor === undefined ? undefined : parseDuration(allowDeadFor, 'allowDeadFor')
    const allowDeadUntil = ms === undefined ? null : context.clock.now() + ms
    await decideHere(context, { kind: 'resumed', group, allowDeadUntil })
    return { group, members: (await context.system.groups.describe(group)).members }
  },
}

type Undecided<D> = D extends GroupDecision ? Omit<D, 'by' | 'at'> : never

async function decideHere(
  { system, actor, clock }: OperationContext,
  decision: Undecided<GroupDecision>,
): Promise<void> {
  await decide(system.log, { ...decision, by: actor.name, at: clock.now() })
}

/**
 * Of a group that is no more, and only then: one that gets its name later is not paused. A process that still declares it
 * does not go on, or it would begin the group anew.
 */
export async function forgetPause(context: OperationContext, group: string): Promise<void> {
  const { system, signal } = context
  if ((await pausedGroups(system.log, signal)).has(group))
    await decideHere(context, { kind: 'forgotten', group })
}

/** The members once there are as many as wanted, or when the time is up. */
async function membersAfter(
  { system, clock, signal }: OperationContext,
  group: string,
  enough: (members: readonly string[]) => boolean,
): Promise<readonly string[]> {
  const until = clock.monotonic() + LEAVE_MS
  for (;;) {
    const { members } = await system.groups.describe(group)
    if (enough(members) || clock.monotonic() > until || signal.aborted) return members
    await sleep(clock, LOOK_EVERY_MS, signal)
  }
}
