import type { GroupSettings, ReplayPlan } from '../consume/index.ts'
import { jobTopic, type JobTopic, type ReplayState } from '../recover/index.ts'
import type { AppContext } from './app-context.ts'
import { Replays, type ReplayJob, type ReplayJobs, type ReplayJobOptions } from './replays.ts'

/** The replays of the log, read from the first need on. */
export class AppReplays {
  readonly jobs: ReplayJobs = {
    list: async () => (await this.#replays()).jobs.list(),
    show: async id => (await this.#replays()).jobs.show(id),
    cancel: async (id, why) => (await this.#replays()).jobs.cancel(id, why),
  }
  readonly #context: AppContext
  readonly #settingsOf: (group: string) => GroupSettings | undefined
  #topic: Promise<JobTopic> | undefined

  constructor(context: AppContext, settingsOf: (group: string) => GroupSettings | undefined) {
    this.#context = context
    this.#settingsOf = settingsOf
  }

  async plan(group: string, options: ReplayJobOptions): Promise<ReplayPlan> {
    return (await this.#replays()).plan(group, options)
  }

  async ask(group: string, options: ReplayJobOptions): Promise<ReplayJob> {
    return (await this.#replays()).ask(group, options)
  }

  open(): Promise<JobTopic> {
    const { system, clock, logger } = this.#context
    if (this.#topic) return this.#topic
    const opened = jobTopic({ log: system.log, clock, logger })
    this.#topic = opened
    opened.catch(() => (this.#topic = undefined)) // tried again by the next who needs it
    return opened
  }

  async close(): Promise<void> {
    await this.#topic?.then(jobs => jobs.close())
  }

  /** As far as this process has read them; none where it reads them not. */
  async seen(): Promise<readonly ReplayState[]> {
    const jobs = await this.#topic?.catch(() => undefined) // its next opening says why
    return jobs?.book.list() ?? []
  }

  async #replays(): Promise<Replays> {
    this.#context.assertRunning()
    const { system, sink, prepareSink, clock, random, memberName, life } = this.#context
    return new Replays({
      system,
      sink,
      prepareSink,
      jobs: await this.open(),
      settingsOf: this.#settingsOf,
      clock,
      random,
      process: memberName,
      life,
    })
  }
}
