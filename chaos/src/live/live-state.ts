import type { LiveSecond, Progress } from '../contract/progress.ts'
import type { Result, TimelineEvent } from '../contract/result.ts'
import {
  figuresOf,
  outcomeOf,
  verdictOf,
  type ArmOutcome,
  type Figure,
  type Verdict,
} from '../report/verdict.ts'
import { distinctTitles } from '../report/distinct-titles.ts'

/** All that the live page shows, as it stands. The server and each browser make it from the same progress. */
export interface LiveState {
  /** Of the scenario. */
  readonly title: string
  readonly mode: Result['mode']
  /** Seconds of load of one arm; 0 before it is known. */
  readonly seconds: number
  readonly arms: readonly LiveArm[]
  /** Newest last. */
  readonly events: readonly { readonly arm: string; readonly event: TimelineEvent }[]
  readonly ended?: LiveEnd
}

export interface LiveArm {
  readonly name: string
  readonly title: string
  readonly state: 'waiting' | 'starting' | 'running' | 'draining' | 'audited'
  readonly seconds: readonly LiveSecond[]
}

export interface LiveEnd {
  readonly verdict: Verdict
  readonly arms: readonly {
    readonly name: string
    readonly outcome: ArmOutcome
    readonly figures: readonly Figure[]
  }[]
}

export const beforeItBegan: LiveState = { title: '', mode: 'sequence', seconds: 0, arms: [], events: [] }

const MAX_EVENTS = 40
/** Of one arm. Above it every second one is dropped, so that a run of hours stays light. */
const MAX_SECONDS = 2_000

export function afterProgress(state: LiveState, progress: Progress): LiveState {
  switch (progress.kind) {
    case 'began': {
      const { title, mode, seconds, arms } = progress
      return {
        title,
        mode,
        seconds,
        arms: distinctTitles(arms).map(arm => ({ ...arm, state: 'waiting', seconds: [] })),
        events: [],
      }
    }
    case 'arm':
      return withArm(state, progress.arm, arm => ({ ...arm, state: progress.state }))
    case 'second':
      return withArm(state, progress.arm, arm => ({
        ...arm,
        seconds: thinned([...arm.seconds, progress.second]),
      }))
    case 'event': {
      const { arm, event } = progress
      return { ...state, events: [...state.events, { arm, event }].slice(-MAX_EVENTS) }
    }
    case 'ended':
      return { ...state, ended: endOf(progress.result) }
  }
}

function withArm(state: LiveState, name: string, change: (arm: LiveArm) => LiveArm): LiveState {
  return { ...state, arms: state.arms.map(arm => (arm.name === name ? change(arm) : arm)) }
}

function thinned(seconds: readonly LiveSecond[]): readonly LiveSecond[] {
  return seconds.length <= MAX_SECONDS ? seconds : seconds.filter((_, index) => index % 2 === 0)
}

function endOf(result: Result): LiveEnd {
  return {
    verdict: verdictOf(result),
    arms: result.arms.map(arm => ({ name: arm.name, outcome: outcomeOf(arm), figures: figuresOf(arm) })),
  }
}

/** One sentence of where the run is, for the head of the page and for those who listen to it. */
export function standingOf({ arms, ended, mode, events }: LiveState): string {
  if (ended !== undefined) return ended.verdict.sentence
  if (isBroken(arms)) {
    const fault = events.findLast(({ event }) => event.kind === 'fault')
    // What was seen of it stands behind a colon, and further down on the page.
    const [name] = fault?.event.text.split(': ') ?? []
    return `The fault is on${name === undefined ? '' : `: ${name}`}`
  }
  const doing = (state: LiveArm['state']): string[] =>
    arms.filter(arm => arm.state === state).map(({ title }) => title)
  const [running, draining, starting] = [doing('running'), doing('draining'), doing('starting')]
  if (running.length > 0) {
    const phase = arms.find(arm => arm.state === 'running')?.seconds.at(-1)?.phase
    return `Under load: ${mode === 'sequence' ? running.join(', ') : 'all arms'}${phase === undefined ? '' : ` (${phase})`}`
  }
  if (draining.length > 0) return `Working off what waits: ${draining.join(', ')}`
  if (starting.length > 0) return `Starting: ${starting.join(', ')}`
  return arms.length === 0 ? 'Nothing has begun yet' : 'Auditing every event by its id'
}

/** Whether something is broken on purpose right now. */
export function isBroken(arms: readonly LiveArm[]): boolean {
  return arms.some(arm => arm.state === 'running' && arm.seconds.at(-1)?.faultActive === true)
}
