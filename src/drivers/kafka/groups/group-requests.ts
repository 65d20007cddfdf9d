import { HoldfastError, sleep, type Clock, type Random } from '../../../event/index.ts'
import { isAuthentication, isAuthorization, isNetwork, kafkaError, type Attempt } from '../errors.ts'
import type { Link, Reply, RequestArguments, RequestName } from '../link.ts'
import type { Coordinators } from './coordinators.ts'
import { isMoved } from './refusal.ts'

export interface GroupRequestsDeps {
  readonly coordinators: Coordinators
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  /** Ends what waits. */
  readonly signal: AbortSignal
}

/** Requests about a group that no member makes: sent again for a while when its coordinator is another one by now. */
export class GroupRequests {
  readonly #d: GroupRequestsDeps

  constructor(deps: GroupRequestsDeps) {
    this.#d = deps
  }

  /** Rejects with what the broker says, when that is not that another is to be asked; with `LOG_CLOSED`. */
  async ask<Name extends RequestName>(
    group: string,
    name: Name,
    ...args: RequestArguments<Name>
  ): Promise<Reply<Name>> {
    const { coordinators, link, clock, random, signal } = this.#d
    const until = clock.monotonic() + PATIENCE_MS
    for (let tries = 0; ; tries++) {
      if (signal.aborted) throw new HoldfastError('LOG_CLOSED', { detail: `asking for group ${group}` })
      try {
        return await coordinators.call(link, group, name, ...args)
      } catch (error) {
        const passes =
          (isMoved(error) || isNetwork(error)) && !isAuthorization(error) && !isAuthentication(error)
        if (!passes || signal.aborted || clock.monotonic() >= until) throw error
        const ms = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS)
        await sleep(clock, ms * (0.5 + random() / 2), signal)
      }
    }
  }

  /** The same for whoever shows errors to people. */
  async askInPlainWords<Name extends RequestName>(
    attempt: Attempt,
    group: string,
    name: Name,
    ...args: RequestArguments<Name>
  ): Promise<Reply<Name>> {
    try {
      return await this.ask(group, name, ...args)
    } catch (error) {
      throw kafkaError(error, attempt)
    }
  }
}

/** No further try after this: whoever asked wants an answer. Milliseconds. */
const PATIENCE_MS = 5_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
