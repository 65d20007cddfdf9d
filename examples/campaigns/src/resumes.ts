import type { CampaignsApp } from './app.ts'
import { enriched, raw } from './events.ts'

type Report = Awaited<ReturnType<CampaignsApp['admin']['report']>>

/** What is in the log, and what of it is still to be done, in words. Undefined for a log that has nothing. */
export function resumes({
  standing: { topics, groups },
}: {
  readonly standing: Pick<Report['standing'], 'topics' | 'groups'>
}): string | undefined {
  const counts = [raw.name, enriched.name].map(name => {
    const partitions = topics.find(({ topic }) => topic === name)?.partitions ?? []
    return { name, events: partitions.reduce((sum, { start, end }) => sum + end - start, 0n) }
  })
  if (counts.every(({ events }) => events === 0n)) return undefined
  const kept = counts.map(
    ({ name, events }) => `${count(events)} ${events === 1n ? 'event' : 'events'} in ${name}`,
  )
  const behind = groups.filter(({ lag }) => lag > 0n).map(({ group, lag }) => `${group} ${count(lag)}`)
  const left =
    behind.length === 0 ? 'every group has done them all' : `still to be done: ${behind.join(', ')}`
  return `${kept.join(' and ')}; ${left}`
}

function count(n: bigint): string {
  return n.toLocaleString('en-US')
}
