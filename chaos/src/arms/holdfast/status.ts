import type { ArmSample } from '../../contract/arm.ts'

/** What `/status.json` of the consumers says that an experiment wants to know. */
export interface ConsumersStatus {
  readonly sample: ArmSample
  readonly drained: boolean
}

/** `group` writes the rows. Undefined when nobody answers within a second: the process is killed or stopped. */
export async function readStatus(url: string, group: string): Promise<ConsumersStatus | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(900) })
    return statusOf((await answer.json()) as Report, group)
  } catch {
    return undefined
  }
}

/** Whether a collector has given all events to the log; false also when it does not answer. */
export async function isSpoolEmpty(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(900) })
    const waiting = [...(await answer.text()).matchAll(/^spool_events(?:\{.*\})? (\d+)$/gm)]
    return waiting.every(([, events]) => events === '0')
  } catch {
    return false
  }
}

/** The part of the report that is read here. */
interface Report {
  readonly standing: {
    readonly groups: readonly {
      readonly group: string
      readonly state: string
      /** Offsets outgrow JSON numbers. */
      readonly lag: string
      readonly lagSeconds: number
      /** Events that wait in its retry lanes. */
      readonly parked: number
      readonly deadLetters: number
      readonly partitions: readonly unknown[]
    }[]
  }
  readonly breakers: readonly { readonly state: NonNullable<ArmSample['breaker']> }[]
}

function statusOf({ standing: { groups }, breakers }: Report, name: string): ConsumersStatus {
  const writing = groups.find(({ group }) => group === name)
  const worst = breakers.map(({ state }) => state).toSorted((a, b) => RANK[b] - RANK[a])[0]
  return {
    sample: {
      ...(writing && {
        lag: Number(writing.lag),
        lagSeconds: writing.lagSeconds,
        retrying: writing.parked,
        deadLetters: writing.deadLetters,
      }),
      ...(worst && { breaker: worst }),
    },
    // Right after a start nothing is owned yet, and nothing owned is nothing behind.
    drained: groups.every(
      ({ state, lag, parked, partitions }) =>
        state === 'running' && lag === '0' && parked === 0 && partitions.length > 0,
    ),
  }
}

const RANK = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 }
