import type { ArmSample } from '../../contract/arm.ts'

/** What `/status.json` of the consumers says that an experiment wants to know. */
export interface ConsumersStatus {
  readonly sample: ArmSample
  readonly drained: boolean
}

/** Undefined when nobody answers within a second: the process is killed or stopped. */
export async function readStatus(url: string): Promise<ConsumersStatus | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(900) })
    return statusOf((await answer.json()) as Report)
  } catch {
    return undefined
  }
}

/** The part of the report that is read here. */
export interface Report {
  readonly standing: {
    readonly groups: readonly {
      readonly group: string
      readonly state: string
      /** Offsets outgrow JSON numbers. */
      readonly lag: string
      readonly lagSeconds: number
      readonly deadLetters: number
      readonly partitions: readonly unknown[]
    }[]
  }
  readonly breakers: readonly { readonly state: NonNullable<ArmSample['breaker']> }[]
}

export function statusOf({ standing: { groups }, breakers }: Report): ConsumersStatus {
  const positions = groups.find(({ group }) => group === 'positions')
  const worst = breakers.map(({ state }) => state).toSorted((a, b) => RANK[b] - RANK[a])[0]
  return {
    sample: {
      ...(positions && {
        lag: Number(positions.lag),
        lagSeconds: positions.lagSeconds,
        deadLetters: positions.deadLetters,
      }),
      ...(worst && { breaker: worst }),
    },
    // Right after a start nothing is owned yet, and nothing owned is nothing behind.
    drained: groups.every(
      ({ state, lag, partitions }) => state === 'running' && lag === '0' && partitions.length > 0,
    ),
  }
}

const RANK = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 }
