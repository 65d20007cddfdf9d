import { offset, type LogRecord, type Offset } from '../../../src/event/index.ts'
import { decodeLaneRecord, encodeLaneRecord } from '../../../src/recover/lane/lane-codec.ts'
import type { LaneRecord } from '../../../src/recover/lane/lane-record.ts'
import { encodeNote } from '../../../src/recover/lane/tenure.ts'
import { checkAnswer, checkBody } from './promises.ts'
import { MAX_DEATHS, type Append, type Owner, type World } from './world.ts'

// What processes have sent arrives: records in the lane, letters, commits.

export function landAppend(world: World, owner: Owner): void {
  const [append] = owner.appends
  if (!append) return
  // Of some it is not known whether they were stored, and they are sent again.
  const again = !world.healed && world.chance(0.03)
  if (!again) owner.appends.shift()
  else world.count('append stored twice')
  const position = world.laneEnd
  world.laneEnd = offset(position + (world.chance(0.1) ? 2n : 1n))
  const { record, body } = append
  if (body) checkBody(world, owner, record.kind === 'park' ? record.origin : undefined, body)
  const whole: LaneRecord =
    record.kind === 'park'
      ? { ...record, event: { key: world.record(record.origin).key, headers: {}, value: null, time: 0 } }
      : record
  if (record.kind === 'closed' && record.how === 'superseded') world.count('superseded an entry')
  noteStart(world, owner, record)
  if (record.kind === 'answer' && record.refused === undefined) checkAnswer(world, record.id)
  world.say('LAND', owner.number, Number(position), whole)
  world.lane.push({ ...(world.stored ? throughStore(whole, position) : whole), position })
  if (!again && !owner.crashed) owner.answers.push({ kind: 'appended', seq: record.seq, position })
}

/** Keeps who began an entry and never ended it. */
function noteStart(world: World, owner: Owner, record: Append['record']): void {
  if (!('origin' in record) || record.generation !== world.generationOf(record.origin)) return
  const begun = world.begun.get(record.origin) ?? new Set()
  if (record.kind === 'start') world.begun.set(record.origin, begun.add(record.tenure))
  if (owner.generation !== world.generation) return // what a former owner says of its end may count for nothing
  if (record.kind === 'attempt') begun.delete(record.tenure)
  if (record.kind === 'park' && record.round > 0 && record.state.deaths === 0) begun.clear()
}

/** As it comes back from a real log. */
function throughStore(record: LaneRecord, position: Offset): LaneRecord {
  const stored: LogRecord = {
    key: undefined,
    ...encodeLaneRecord(record, 0),
    topic: 't.g.retry',
    partition: 0,
    offset: position,
    timestamp: 0,
  }
  return decodeLaneRecord(stored)
}

export function landLetter(world: World, owner: Owner): void {
  const [written] = owner.letters
  if (!written) return
  const again = !world.healed && world.chance(0.03)
  if (!again) owner.letters.shift()
  const { origin, change, death } = written.letter
  world.say('LETTER', owner.number, written.letter)
  if (written.letter.generation !== world.generationOf(origin)) {
    world.count('letter of before')
    if (!again && !owner.crashed) owner.answers.push({ kind: 'written', ref: written.ref })
    return
  }
  if (change.kind === 'died') {
    if (!death) return world.broken(`LETTER of ${origin} without what it died of`)
    checkBody(world, owner, origin, death.body)
    world.count(`died of ${death.state.final}`)
    // A former owner may write it once more when the event was replayed since, and its deaths are counted anew.
    const isOld = change.round < (world.letters.get(origin)?.round ?? 0)
    const deaths = world.begun.get(origin)?.size ?? 0
    if (death.state.final === 'process-died' && !isOld && deaths < MAX_DEATHS)
      world.broken(`BLAMED ${origin} for deaths of others`)
  }
  const before = world.letters.get(origin)
  const after = world.subject.letterAfter(before, change)
  if (after) world.letters.set(origin, after)
  if (after?.request !== undefined) world.won.add(after.request)
  if (after?.status === 'replaying' && before?.status !== 'replaying') {
    world.released.delete(origin)
    world.letGo.delete(origin)
  }
  if (after?.status === 'died' && before?.status === 'discarded') world.letGo.add(origin)
  if (!again && !owner.crashed) owner.answers.push({ kind: 'written', ref: written.ref })
}

export function decideCommit(world: World, owner: Owner): void {
  const { commit } = owner
  if (!commit) return
  const { range } = owner
  // First how far the range is, under the lease; then the position with its note.
  const isFenced = range !== undefined && world.lease !== owner.number
  if (range && !isFenced && commit.of.main > range.position) range.position = commit.of.main
  const accepted = !isFenced && owner.generation === world.generation
  owner.commit = { ...commit, accepted }
  world.say('COMMIT', owner.number, commit.of, accepted ? '' : 'refused')
  if (!accepted) return
  const { note } = commit.of
  const main = range ? world.committed.main : commit.of.main
  if (main < world.committed.main) world.broken('COMMIT went back')
  if (range && commit.of.main > range.to) world.broken('COMMIT beyond the range')
  world.committed = { main, note: encodeNote(note) }
  const own = note.tenures.at(-1)
  if (own?.released) for (const begun of world.begun.values()) begun.delete(own.id)
}

export function forget(world: World, below: Offset): void {
  world.say('FORGET', Number(below))
  world.count('forgot')
  world.laneStart = below
  world.lane = world.lane.filter(record => record.position >= below)
}
