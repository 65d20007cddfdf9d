import { HoldfastError, type Position } from '../../event/index.ts'
import { ownTopicsOf } from '../../recover/index.ts'
import { forgetPause } from './group-pause.ts'
import { knownGroup, openLetters } from './group-standing.ts'
import { openInLanes } from './lanes-open.ts'
import { declaredIn, type Operation, type OperationContext } from './operation.ts'
import { replayList } from './replay-jobs.ts'
import { digits, flag, number, object, rows, text } from './shape.ts'

export interface GroupRenameInput {
  readonly group: string
  readonly to: string
}

export interface GroupRename {
  readonly group: string
  readonly to: string
  readonly positions: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: string
  }[]
  /** Whether what it applied to a database goes with it. */
  readonly inbox: boolean
  /** What must be settled first. */
  readonly obstacles: readonly string[]
}

/**
 * A group's name is its identity, and stands in more than its positions: in the ids of its letters, in its retry lane,
 * in its replays. What of that is still open cannot be given another name, so it is settled first; what is closed stays
 * under the old one. The inbox goes along, or everything that the group has applied would be applied again.
 */
export const groupRename: Operation<GroupRenameInput, GroupRename> = {
  name: 'group.rename',
  summary: 'give a group that is paused and has nothing open another name, with its positions and its inbox',
  role: 'admin',
  effect: 'decision',
  input: object<GroupRenameInput>({
    group: text('its name'),
    to: text('the new one: of the characters a-z A-Z 0-9 _ -', { max: 100, pattern: /^[a-zA-Z0-9_-]+$/ }),
  }),
  output: object<GroupRename>({
    group: text('its name'),
    to: text('the new one'),
    positions: rows(
      object<GroupRename['positions'][number]>({
        topic: text('of the events'),
        partition: number('of the topic'),
        offset: digits('where the group goes on'),
      }),
    ),
    inbox: flag('what it applied to a database goes with it'),
    obstacles: rows(text('what must be settled first', { max: 10_000 })),
  }),
  async run(context, { group, to }) {
    const { system, sink, execute } = context
    const isEffectful = await appliesEffects(context, group)
    await knownGroup(context, group)
    const positions = await system.groups.committed(group)
    const obstacles = await obstaclesOf(context, group, to, positions)
    if (execute) {
      if (obstacles.length > 0)
        throw new HoldfastError('GROUP_BOUND', { detail: `${group}: ${obstacles.join('; ')}` })
      // Each step can be made again, and the old positions go last: what broke off is found, and done again by the same.
      if (isEffectful) {
        await sink?.migrate()
        await sink?.renameGroup(group, to)
      }
      await system.groups.move(to, positions)
      await system.groups.delete(group)
      await forgetPause(context, group)
    }
    const shown = positions.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      offset: String(offset),
    }))
    return { group, to, positions: shown, inbox: isEffectful, obstacles }
  },
}

/** Only the app that declares the group knows. */
async function appliesEffects(context: OperationContext, group: string): Promise<boolean> {
  const settings = declaredIn(context)?.groups.find(one => one.group === group)
  if (settings) return [...settings.handlers.values()].some(({ kind }) => kind !== 'on')
  throw new HoldfastError('PROCESS_NEEDED', {
    detail: `whether ${group} applies effects to a database is known where it is declared`,
  })
}

async function obstaclesOf(
  context: OperationContext,
  group: string,
  to: string,
  positions: readonly Position[],
): Promise<string[]> {
  const { system } = context
  const { members } = await system.groups.describe(group)
  const waiting = await openInLanes(context, group)
  const letters = await openLetters(context, group)
  const { jobs } = await replayList.run(context, { group })
  const replays = jobs.filter(({ endedAt }) => endedAt === null).length
  return [
    ...(members.length > 0
      ? [`it has the members ${members.join(', ')}: holdfast group pause ${group}`]
      : []),
    ...(waiting > 0
      ? [`${waiting} of its events wait in its retry lane: let it run until they are done`]
      : []),
    ...(letters > 0 ? [`${letters} of its dead letters are open: replay or discard them`] : []),
    ...(replays > 0 ? [`${replays} of its replays have not ended`] : []),
    ...(await usedBy(context, to, positions)),
  ]
}

/** What stands under the new name. The same positions are of a rename that broke off. */
async function usedBy(
  { system }: OperationContext,
  to: string,
  positions: readonly Position[],
): Promise<readonly string[]> {
  const { members } = await system.groups.describe(to)
  if (members.length > 0) return [`${to} runs already: ${members.join(', ')}`]
  const placed = (all: readonly Position[]): string =>
    all
      .map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`)
      .toSorted()
      .join()
  const known = await system.groups.committed(to)
  if (known.length > 0 && placed(known) !== placed(positions)) return [`${to} is a group already`]
  for (const topic of new Set(positions.map(one => one.topic))) {
    for (const own of ownTopicsOf(topic, to)) {
      const settings = await system.log.topics.describe(own)
      for (let partition = 0; partition < (settings?.partitions ?? 0); partition++) {
        const { end } = await system.log.bounds({ topic: own, partition })
        if (end > 0n)
          return [`${own} holds records of a group ${to}: holdfast group delete ${to}, if nobody needs them`]
      }
    }
  }
  return []
}
