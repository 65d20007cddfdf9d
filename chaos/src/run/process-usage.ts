import { readFileSync } from 'node:fs'

/** What processes have used of the machine, as the kernel counts it. Linux only; elsewhere nothing is known. */
export class ProcessUsage {
  /** CPU seconds by process, so that what a killed one has used stays counted. */
  readonly #seconds = new Map<number, number>()
  #before: { readonly at: number; readonly seconds: number } | undefined
  #peakRss = 0

  /** CPU since the last question as a share of one core, and memory now. `at` in seconds. */
  sample(
    pids: readonly number[],
    at: number,
  ): { readonly cpu: number | null; readonly rssBytes: number | null } {
    let rss = 0
    let seen = 0
    for (const pid of pids) {
      const usage = usageOf(pid)
      if (!usage) continue
      seen += 1
      rss += usage.rssBytes
      this.#seconds.set(pid, usage.cpuSeconds)
    }
    const seconds = this.cpuSeconds
    const before = this.#before
    this.#before = { at, seconds }
    this.#peakRss = Math.max(this.#peakRss, rss)
    if (seen === 0) return { cpu: null, rssBytes: null }
    return {
      cpu: before && at > before.at ? (seconds - before.seconds) / (at - before.at) : null,
      rssBytes: rss,
    }
  }

  get cpuSeconds(): number {
    return [...this.#seconds.values()].reduce((sum, seconds) => sum + seconds, 0)
  }

  get peakRssBytes(): number {
    return this.#peakRss
  }
}

/** Ticks a second and bytes a page of every Linux that Node runs on, as far as user programs are told. */
const TICKS = 100
const PAGE = 4_096

function usageOf(pid: number): { readonly cpuSeconds: number; readonly rssBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [user, system, pages] = [fields[11], fields[12], fields[21]].map(Number)
    if (user === undefined || system === undefined || pages === undefined) return undefined
    return { cpuSeconds: (user + system) / TICKS, rssBytes: pages * PAGE }
  } catch {
    return undefined
  }
}
