import { HoldfastError } from '../../../event/index.ts'
import { isAuthentication, isAuthorization, isNetwork } from '../errors.ts'
import type { Broker, Link, Reply, RequestArguments, RequestName } from '../link.ts'
import { isMoved } from './refusal.ts'

/** Which broker coordinates which group: asked once, and again when it turns out to be another. */
export class Coordinators {
  readonly #brokers: () => readonly Broker[]
  readonly #link: Link
  readonly #known = new Map<string, Promise<Broker>>()

  constructor(deps: { readonly brokers: () => readonly Broker[]; readonly link: Link }) {
    this.#brokers = deps.brokers
    this.#link = deps.link
  }

  /** Sends a request to the coordinator of the group. Rejects with what the broker or the client says. */
  async call<Name extends RequestName>(
    link: Link,
    group: string,
    name: Name,
    ...args: RequestArguments<Name>
  ): Promise<Reply<Name>> {
    const asked = this.of(group)
    try {
      return await link.call(await asked, name, ...args)
    } catch (error) {
      if ((isMoved(error) || isNetwork(error)) && this.#known.get(group) === asked) this.#known.delete(group)
      throw error
    }
  }

  of(group: string): Promise<Broker> {
    const known = this.#known.get(group)
    if (known) return known
    const found = this.#find(group)
    this.#known.set(group, found)
    found.catch(() => {
      if (this.#known.get(group) === found) this.#known.delete(group)
    })
    return found
  }

  async #find(group: string): Promise<Broker> {
    let failure: unknown
    for (const broker of this.#brokers()) {
      try {
        const { coordinators } = await this.#link.call(broker, 'FindCoordinator', GROUP, [group])
        const [found] = coordinators
        if (found) return { host: found.host, port: found.port }
      } catch (error) {
        if (isAuthorization(error) || isAuthentication(error)) throw error
        failure = error
      }
    }
    throw failure ?? new HoldfastError('INTERNAL', { detail: 'no broker was named' })
  }
}

/** Not of transactions. */
const GROUP = 0
