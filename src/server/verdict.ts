import type { StatusReport } from './status-report.ts'
import { age, count } from './readable.ts'

/** The one sentence at the top of the page, and how loud it is. */
export interface Verdict {
  readonly tone: 'good' | 'behind' | 'broken'
  readonly sentence: string
}

/** An oldest event younger than this is in the pipeline, not behind. */
const BEHIND_AFTER_SECONDS = 2

export function verdictOf(report: StatusReport): Verdict {
  const { groups } = report.standing
  if (!report.ready.ready) return { tone: 'broken', sentence: `Events are refused: ${report.ready.reason}` }
  const away = awayOf(report)
  if (away !== undefined) return { tone: 'behind', sentence: away }
  const behind = groups.filter(group => group.lagSeconds >= BEHIND_AFTER_SECONDS)
  const worst = behind.reduce((most, group) => Math.max(most, group.lagSeconds), 0)
  const distance = `${behind.length} of ${groups.length} groups behind, worst ${age(worst)}`
  const open = report.breakers.filter(breaker => breaker.state !== 'CLOSED').map(breaker => breaker.name)
  if (open.length > 0) {
    const away = `${open.join(', ')} ${open.length === 1 ? 'is' : 'are'} away: events are taken in and wait`
    return { tone: 'behind', sentence: behind.length > 0 ? `${away}. ${distance}` : away }
  }
  const stopped = groups.filter(group => group.state !== 'running')
  if (stopped.length > 0) {
    const names = stopped.map(
      ({ group, state, reason }) => `${group} is ${state}${reason === undefined ? '' : `: ${reason}`}`,
    )
    return { tone: 'broken', sentence: names.join('. ') }
  }
  const setAside = setAsideOf(report)
  if (setAside !== undefined) return { tone: 'behind', sentence: setAside }
  if (behind.length > 0) return { tone: 'behind', sentence: distance }
  return { tone: 'good', sentence: 'All groups are caught up' }
}

function setAsideOf({ spool }: StatusReport): string | undefined {
  const { events = 0, topics = [] } = spool?.setAside ?? {}
  if (events === 0) return undefined
  const names = topics.map(({ topic }) => topic).join(', ')
  return `${events === 1 ? '1 event is' : `${count(events)} events are`} set aside by the spool: ${names} takes less than when it was answered`
}

function awayOf({ away, spool, at, seenAt }: StatusReport): string | undefined {
  const waiting = spool?.events ?? 0
  const events = waiting === 1 ? '1 event' : `${count(waiting)} events`
  if (spool?.state === 'SPOOLING') return `The log is away: ${events} in the spool of the collector`
  if (away !== undefined) {
    const shown =
      seenAt === undefined
        ? 'nothing of it is known'
        : `what is shown was so ${age((at - seenAt) / 1_000)} ago`
    return `The log does not answer: ${away}; ${shown}`
  }
  if (spool?.state === 'DRAINING') return `The log is back: ${events} of the spool on the way to it`
  return undefined
}
