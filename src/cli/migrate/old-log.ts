import { openToMove, otherHolders, quickLook } from '../../drivers/embedded/index.ts'
import { isHoldfastError, sleep } from '../../event/index.ts'
import type { LogEnvironment, LogSystem } from '../../log/index.ts'
import { CliError, exitCode } from '../exit-code.ts'

/** How often it is looked whether those that use the old log have stopped. */
const LOOK_MS = 500

/** The log that is moved: shared with those that still use it, or held against everybody else. */
export class OldLog {
  readonly #folder: string
  readonly #env: LogEnvironment
  #system: LogSystem | undefined

  private constructor(folder: string, env: LogEnvironment) {
    this.#folder = folder
    this.#env = env
  }

  static async open(folder: string, env: LogEnvironment, as: 'shared' | 'alone'): Promise<OldLog> {
    if (quickLook(folder) === undefined)
      throw new CliError(`there is no log in ${folder}`, exitCode.notFound, {
        next: 'Name its folder: --log DIR',
      })
    const old = new OldLog(folder, env)
    try {
      old.#system = await openToMove(folder, env, as)
    } catch (error) {
      if (!isHoldfastError(error, 'LOG_IN_USE')) throw error
      throw new CliError(`the log is in use: ${error.detail}`, exitCode.refused, {
        next: 'Stop it first, or copy while it runs and move when it stops: --follow',
      })
    }
    return old
  }

  get system(): LogSystem {
    if (this.#system === undefined) throw new Error('the old log is not open')
    return this.#system
  }

  /** Process ids. */
  others(): readonly number[] {
    return otherHolders(this.#folder)
  }

  /**
   * Copies again and again until nobody else has the log open, and then holds it alone. What was appended between the
   * last copy and that moment is the caller's to copy.
   *
   * Held alone, others are refused: so it is tried only when there are none, or an app that is started again meanwhile
   * would not come up. Who comes at just that moment makes the try fail, and the copying goes on.
   */
  async follow(
    copy: (system: LogSystem) => Promise<unknown>,
    waiting: (holders: readonly number[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let told = ''
    for (;;) {
      await copy(this.system)
      const others = this.others()
      if (others.length === 0 && (await this.#holdAlone())) return
      if (String(others) !== told) waiting(others)
      told = String(others)
      await sleep(this.#env.clock, LOOK_MS, signal)
      signal.throwIfAborted()
    }
  }

  async close(): Promise<void> {
    await this.#system?.close()
    this.#system = undefined
  }

  async #holdAlone(): Promise<boolean> {
    await this.close()
    try {
      this.#system = await openToMove(this.#folder, this.#env, 'alone')
      return true
    } catch (error) {
      if (!isHoldfastError(error, 'LOG_IN_USE')) throw error
      this.#system = await openToMove(this.#folder, this.#env, 'shared')
      return false
    }
  }
}
