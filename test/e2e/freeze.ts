import { setTimeout as wait } from 'node:timers/promises'
import type { Child } from '../harness/child.ts'
import type { System } from './system.ts'

/** Longer than the readiness of the door believes an append of before. */
const STALE_MS = 2_500

/**
 * Stops a process with SIGSTOP at a moment when it does not hold the write lock of the log. While a stopped process
 * holds it, nobody can write, as on a frozen disk: a limit of the embedded log, and not the fault that is meant here.
 * Answers how many tries it took.
 */
export async function freezeBetweenCommits(child: Child, system: System): Promise<number> {
  for (let attempt = 1; attempt <= 20; attempt++) {
    await child.freeze()
    await wait(STALE_MS)
    if ((await system.status()).ready) return attempt
    await child.thaw()
    await wait(50)
  }
  throw new Error(`${child.name} was stopped 20 times, each time with the write lock of the log`)
}
