import type { Logger } from '../event/index.ts'

/**
 * Says once for a whole group that something fails, and once that it works again. When the log or a database is away,
 * every partition meets that, each with every try.
 */
export class Troubles {
  readonly #group: string
  readonly #logger: Logger
  /** What fails, and for whom. */
  readonly #under = new Map<string, Set<object>>()

  constructor(group: string, logger: Logger) {
    this.#group = group
    this.#logger = logger
  }

  /** `what` failed for `who`, and is tried again. */
  met(what: string, who: object, facts: Readonly<Record<string, unknown>>): void {
    const under = this.#under.get(what)
    if (under) under.add(who)
    else {
      this.#under.set(what, new Set([who]))
      this.#logger.warn({ group: this.#group, ...facts }, `${what}; trying again`)
    }
  }

  /** It worked. */
  over(what: string, who: object): void {
    if (this.#gone(what, who)) this.#logger.info({ group: this.#group }, `over: ${what}`)
  }

  /** Nobody tries it for `who` any more. */
  givenUp(who: object): void {
    for (const what of this.#under.keys()) this.#gone(what, who)
  }

  /** True when that was the last who had it. */
  #gone(what: string, who: object): boolean {
    const under = this.#under.get(what)
    if (!under?.delete(who) || under.size > 0) return false
    this.#under.delete(what)
    return true
  }
}
