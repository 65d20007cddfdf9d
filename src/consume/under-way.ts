/** Work that nobody waits for until the end, when somebody waits for all of it. */
export class UnderWay {
  readonly #failed: (error: unknown) => void
  #count = 0
  #idle: PromiseWithResolvers<void> | undefined

  /** `failed` hears of work that rejected. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  track(work: Promise<void>): void {
    this.#count += 1
    const over = (): void => {
      this.#count -= 1
      if (this.#count > 0) return
      this.#idle?.resolve()
      this.#idle = undefined
    }
    work.catch(this.#failed).then(over, over)
  }

  /** Resolves when nothing is under way. */
  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }
}
