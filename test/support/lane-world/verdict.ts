import type { World } from './world.ts'

// What must be true in the end.

export function judge(world: World): void {
  const last = world.owners.at(-1)
  if (world.wish || world.ranges.some(range => !range.isOver)) world.broken('STUCK: a range never ends')
  for (const { offset: at } of world.main) {
    if (world.ranges.findLast(one => at >= one.from && at < one.to && at >= one.position)) continue
    const done = world.done.some(one => one.offset === at)
    const counted = world.done.some(one => one.offset === at && (world.tx || !one.late))
    const letter = world.letters.get(at)
    if (!done && !letter && !world.skipped.has(at)) world.broken(`LOST ${at}`)
    if (letter?.status === 'replaying') world.broken(`STUCK: letter ${at} is replaying for ever`)
    if (letter?.status === 'resolved' && !done && !world.skipped.has(at))
      world.broken(`LOST ${at}: its letter is resolved`)
    if (world.tx && counted && (letter?.status === 'died' || letter?.status === 'discarded'))
      world.broken(`DEAD AND DONE ${at}`)
    if (world.done.filter(one => one.offset === at).length > 1 && world.tx) world.broken(`DOUBLE ${at}`)
  }
  if (world.committed.main !== world.end)
    world.broken(`STUCK: topic at ${world.committed.main} of ${world.end}`)
  if (!last?.lane || last.lane.phase !== 'live') return world.broken('STUCK: no owner')
  if (last.lane.open > 0) world.broken(`STUCK: ${last.lane.open} entries never end`)
  if (last.lane.forgettable !== world.laneEnd)
    world.broken(`STUCK: lane at ${last.lane.forgettable} of ${world.laneEnd}`)
  for (const { action, origin, letterVersion, generation } of world.requests) {
    if (generation !== world.generationOf(origin)) continue
    const letter = world.letters.get(origin)
    if (action === 'replay' && !world.hold && letter?.status === 'died' && letter.version === letterVersion)
      world.broken(`REQUEST LOST for ${origin}`)
  }
  if (!world.tx) judgeLastRuns(world)
}

/** Without transactions events may run again; but the last runs stand in order, a former owner's late ones apart. */
function judgeLastRuns(world: World): void {
  for (const queue of new Set(world.main.map(record => record.queue))) {
    const runs = world.done
      .filter(one => one.queue === queue && one.round === 0 && !world.letters.has(one.offset))
      .filter(one => !world.live.some(live => live.number > one.owner && live.fence < one.at))
      .map(one => one.offset)
    const last = runs.filter((at, i) => runs.lastIndexOf(at) === i)
    if (last.some((at, i) => at < (last[i - 1] ?? 0n)))
      world.broken(`ORDER of the last runs of ${queue}: ${runs.join()}`)
  }
}
