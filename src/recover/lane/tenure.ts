import { HoldfastError, offset, type Offset, type Random } from '../../event/index.ts'

/**
 * The time between two takeovers of a partition. In the lane it is a stretch: from its fence up to the fence of the
 * next one.
 *
 * A log does not keep a former owner from appending, but it refuses the commit of one. So it is the commits that say
 * whose appends count: each carries the list of tenures as its note, and a lane record counts only when it was written
 * by the tenure in whose stretch it stands. What a former owner sends late lands in a stretch that is not its own.
 */
export interface Tenure {
  readonly id: string
  /** Where its fence stands in the lane. */
  readonly fence: Offset
  /** The committed position in the topic when it took over: it delivers everything from here on again. */
  readonly main: Offset
  /** It let go by itself, with nothing running: a start without an end was no death of a process. */
  readonly released: boolean
}

/**
 * What is stored with the position in the topic, and so in the same commit: up to where the lane is done, and whose
 * records count. Were these two stored apart, a crash between them could leave a lane whose records nobody can judge.
 */
export interface LaneNote {
  /** The fold of a successor begins here. */
  readonly lane: Offset
  /** Oldest first. */
  readonly tenures: readonly Tenure[]
}

/** The id of a tenure that stands for all of them. */
const ANYBODY = '*'

/**
 * What is gone on from where a position has no note: nobody had one yet, or a tool of the log has set the position, which
 * knows nothing of notes. Then nobody knows whose records counted in the lane, so all of them do, whoever wrote them:
 * nothing that is parked is lost, and what only a former owner had parked runs once more, which the inbox recognises.
 * Deaths are not counted there: it is not known either who had let go by itself.
 */
export function noteWithout(laneStart: Offset, committed: Offset): LaneNote {
  return {
    lane: laneStart,
    tenures: [{ id: ANYBODY, fence: laneStart, main: committed, released: true }],
  }
}

/** The tenure by which a record counts that stands there; undefined when it does not. */
export function tenureOf(
  tenures: readonly Tenure[],
  { tenure: writer, position }: { readonly tenure: string; readonly position: Offset },
): Tenure | undefined {
  const tenure = tenureAt(tenures, position)
  return tenure?.id === writer || tenure?.id === ANYBODY ? tenure : undefined
}

/** From so many tenures on the owner copies its open entries forward, so that old stretches can be forgotten. */
export const COPY_FORWARD_AT = 64
/** Kept though nothing of them is left in the lane: whoever looks sees how often the partition changed hands. */
const KEPT_FOR_PEOPLE = 4
/** Bound of the log port. 64 tenures with the largest offsets there are take 3.5 KB. */
const MAX_NOTE_BYTES = 4096
const VERSION = 1

/** Never used twice, so that a record of one tenure can never be taken for one of another. */
export function newTenureId(random: Random): string {
  return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url')
}

/** The tenure in whose stretch a position stands. */
export function tenureAt(tenures: readonly Tenure[], position: Offset): Tenure | undefined {
  return tenures.findLast(tenure => tenure.fence <= position)
}

/** Without the tenures whose stretch ends at or below where the lane is done: no record is left that they could judge. */
export function withoutEnded(tenures: readonly Tenure[], lane: Offset): readonly Tenure[] {
  return tenures.filter((_, i) => {
    const next = tenures[i + 1]
    const isForPeople = i >= tenures.length - KEPT_FOR_PEOPLE && tenures[i]?.id !== ANYBODY
    return next === undefined || next.fence > lane || isForPeople
  })
}

/**
 * `1 lane id.fence.main id.fence.main.r …`, offsets in base 36: short, since 4 KB must do for all tenures between which
 * the lane got nowhere.
 */
export function encodeNote({ lane, tenures }: LaneNote): string {
  const parts = tenures.map(({ id, fence, main, released }) =>
    [id, fence.toString(36), main.toString(36), ...(released ? ['r'] : [])].join('.'),
  )
  const note = [VERSION, lane.toString(36), ...parts].join(' ')
  if (note.length > MAX_NOTE_BYTES) {
    throw new HoldfastError('INTERNAL', {
      detail: `${tenures.length} processes took the partition over and none lived long enough to get its retry lane anywhere`,
    })
  }
  return note
}

/** `LOG_VERSION` for a note of a newer version, `LOG_CORRUPT` for one that is damaged; `where` names it. */
export function decodeNote(note: string, where: string): LaneNote {
  const [version = '', lane = '', ...parts] = note.split(' ')
  if (/^\d+$/.test(version) && Number(version) > VERSION) {
    throw new HoldfastError('LOG_VERSION', {
      detail: `the note of ${where} has format ${version}, known up to ${VERSION}`,
    })
  }
  if (version !== String(VERSION)) throw damaged(where, note)
  const tenures = parts.map(part => {
    const [id = '', fence = '', main = '', released, ...more] = part.split('.')
    if (id === '' || (released !== undefined && released !== 'r') || more.length > 0)
      throw damaged(where, note)
    return { id, fence: base36(fence, where), main: base36(main, where), released: released === 'r' }
  })
  return { lane: base36(lane, where), tenures }
}

function base36(text: string, where: string): Offset {
  if (!/^[0-9a-z]{1,13}$/.test(text)) throw damaged(where, text)
  let value = 0n
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return offset(value)
}

function damaged(where: string, text: string): HoldfastError {
  return new HoldfastError('LOG_CORRUPT', {
    detail: `the note of ${where} cannot be read: ${JSON.stringify(text)}`,
  })
}
