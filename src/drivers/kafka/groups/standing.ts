import { HoldfastError, type Clock, type Logger } from '../../../event/index.ts'
import { hasId, kafkaError } from '../errors.ts'
import { refusalOf } from './refusal.ts'

/** Whether the coordinator serves a member: one line when it begins not to, one when it does again. */
export class Standing {
  readonly #o: StandingOptions
  #silentSince: number | undefined
  #isTold = false

  constructor(options: StandingOptions) {
    this.#o = options
  }

  served(): void {
    this.#silentSince = undefined
    if (!this.#isTold) return
    this.#isTold = false
    this.#o.logger.info(this.#facts, 'the group coordinator serves this member again')
  }

  /** Told at once when somebody has to do something, else when it lasts. What is part of a round is no trouble. */
  failed(error: unknown): void {
    const refusal = refusalOf(error)
    if (refusal !== 'elsewhere' && refusal !== 'hopeless') return
    const now = this.#o.clock.monotonic()
    this.#silentSince ??= now
    const isBrief = now - this.#silentSince < this.#o.sessionMs / 3
    if (this.#isTold || (refusal === 'elsewhere' && isBrief)) return
    this.#isTold = true
    const facts = { ...this.#facts, err: this.inPlainWords(error) }
    this.#o.logger.warn(facts, 'the group coordinator does not serve this member')
  }

  inPlainWords(error: unknown): Error {
    const { group } = this.#o
    const told = (detail: string): Error => new HoldfastError('CONFIG_INVALID', { detail, cause: error })
    if (hasId(error, 'INVALID_SESSION_TIMEOUT'))
      return told(
        `kafka: groups.session must be from group.min.session.timeout.ms to group.max.session.timeout.ms of the brokers, got ${this.#o.sessionMs} ms`,
      )
    if (hasId(error, 'INCONSISTENT_GROUP_PROTOCOL'))
      return told(`group ${group} has members of another client: give ours a name of its own`)
    return kafkaError(error, {
      doing: `take part in group ${group}`,
      grant: `Read on group ${group} and Describe on its topics`,
    })
  }

  get #facts(): { readonly group: string; readonly member: string } {
    return { group: this.#o.group, member: this.#o.member }
  }
}

export interface StandingOptions {
  readonly group: string
  readonly member: string
  readonly sessionMs: number
  readonly clock: Clock
  readonly logger: Logger
}
