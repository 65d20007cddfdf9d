import { sleep } from '../../event/index.ts'
import type { OwnedPartition } from '../../log/index.ts'
import type { Assignment } from '../../recover/index.ts'
import { Part, type PartOptions } from './replay-part.ts'

/**
 * Does the replays of one partition beside its live delivery, one after another, for as long as this process owns it.
 * Never commits anything: where the group is in its topic is not its business.
 */
export interface ReplayWorker {
  /** Begins nothing more, lets what runs come to its end for at most `drainMs`, then cuts it off. */
  stop(drainMs: number): Promise<void>
}

export interface ReplayWorkerOptions extends PartOptions {
  readonly owned: OwnedPartition
  /** New at each takeover. */
  readonly tenure: string
  /** A range is to be run again, or has been. True when this worker is over with it: its owner is let go. */
  reprocess(next: Assignment, intake: AbortSignal): Promise<boolean>
}

export function replayWorker(options: ReplayWorkerOptions): ReplayWorker {
  const intake = new AbortController()
  const work = new AbortController()
  const working = run().catch((error: unknown) => options.context.fatal(error))

  async function run(): Promise<void> {
    const { jobs, context, owned } = options
    try {
      await jobs.caughtUp()
    } catch {
      return // the reader has said why
    }
    while (!intake.signal.aborted && !jobs.failed) {
      const next = jobs.book.next(context.settings.group, owned)
      if (!next) await jobs.changed(intake.signal)
      else if (next.job.mode === 'fill')
        await new Part(options, next, options.tenure, intake.signal, work.signal).run()
      else if (await options.reprocess(next, intake.signal)) return
    }
  }

  return {
    async stop(drainMs) {
      intake.abort()
      const timer = new AbortController()
      await Promise.race([working, sleep(options.context.clock, drainMs, timer.signal)])
      timer.abort()
      work.abort()
      await working
    },
  }
}
