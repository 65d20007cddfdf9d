import type { LiveSecond, Progress } from '../contract/progress.ts'
import { plain } from './columns.ts'

/**
 * What a run tells, as lines for people: one a second, for all arms that run at that time, and one for each change.
 * Answers undefined where there is nothing to say yet.
 */
export function progressLines(): (progress: Progress) => string | undefined {
  let arms: readonly { readonly name: string; readonly title: string }[] = []
  let together = false
  let waiting = new Map<string, LiveSecond>()
  const widest = (): number => Math.max(...arms.map(({ name }) => name.length))

  const second = (arm: string, of: LiveSecond): string | undefined => {
    if (!together) return lineOf(of.at, of, `${arm.padEnd(widest())}  ${told(of)}`)
    // A line is full when all have told of the same second, or when one of them is ahead.
    const ahead = [...waiting.values()].some(({ at }) => at < of.at)
    const line = ahead ? joined() : undefined
    if (ahead) waiting = new Map()
    waiting.set(arm, of)
    if (waiting.size < arms.length) return line
    const full = joined()
    waiting = new Map()
    return full
  }
  const joined = (): string => {
    const all = arms.flatMap(({ name }) => {
      const of = waiting.get(name)
      return of ? [{ name, of }] : []
    })
    const [first] = all
    return first
      ? lineOf(first.of.at, first.of, all.map(({ name, of }) => `${name} ${told(of)}`).join('   | '))
      : ''
  }

  return progress => {
    switch (progress.kind) {
      case 'began':
        ;({ arms } = progress)
        together = progress.mode === 'side-by-side'
        return `${progress.scenario}: ${arms.map(({ title }) => title).join(together ? ' beside ' : ', then ')}, ${plain(progress.seconds)} s${together ? '' : ' each'}\n`
      case 'arm':
        return progress.state === 'running' ? undefined : `       ${progress.arm} ${words[progress.state]}\n`
      case 'second':
        return second(progress.arm, progress.second)
      case 'event':
        // Faults hit all arms that run together, and one line says so.
        if (together && progress.arm !== arms[0]?.name && progress.event.kind !== 'breaker') return undefined
        return `${stamp(progress.event.at)}  > ${together && progress.event.kind === 'breaker' ? `${progress.arm}: ` : ''}${progress.event.text}\n`
      case 'ended':
        return undefined
    }
  }
}

const words = {
  starting: 'is being started',
  draining: 'has got all its events; waiting until nothing is under way',
  audited: 'is audited, by id',
}

function lineOf(at: number, { faultActive }: LiveSecond, text: string): string {
  return `${stamp(at)}  ${text}${faultActive ? '   (fault)' : ''}\n`
}

function stamp(at: number): string {
  return `${Math.floor(at)} s`.padStart(6)
}

function told({ accepted, refused, unanswered, unsent, lag, breaker }: LiveSecond): string {
  const away = refused + unanswered + unsent
  const parts = [
    `${plain(accepted).padStart(6)} accepted`,
    `${plain(away).padStart(5)} turned away`,
    ...(lag === undefined ? [] : [`${plain(lag).padStart(5)} waiting`]),
    ...(breaker === undefined || breaker === 'CLOSED' ? [] : [`breaker ${breaker}`]),
  ]
  return parts.join('  ')
}
