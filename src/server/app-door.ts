import { createCollector, type CollectObserver, type Collector, type Listening } from '../collect/index.ts'
import type { AppCollectorOptions, DoorSettings } from './app-api.ts'
import type { AppContext } from './app-context.ts'
import { keepSpool, type KeptSpool } from './collector-spool.ts'
import type { DeclaredTopics } from './declared-topics.ts'
import { holdPort, type HeldPort } from './hold-port.ts'
import { portError, type ListenOptions } from './listen.ts'

/** The collector of an app as it runs. */
export interface AppDoor {
  readonly collector: Collector & { readonly port: number | undefined }
  /** For a log on other machines. */
  readonly spool: KeptSpool | undefined
}

export interface DoorParts {
  readonly context: AppContext
  readonly declared: AppCollectorOptions
  /** Whether the log is on other machines, which may be away. */
  readonly remote: boolean
  readonly topics: DeclaredTopics
  readonly observer: CollectObserver
  /** The port that {@link holdDoor} has kept for it. */
  readonly held: HeldPort | undefined
}

/** Takes events once it resolves. */
export async function openDoor(parts: DoorParts): Promise<AppDoor> {
  const { context, declared, remote, topics, observer, held } = parts
  const { clock, random, logger, system } = context
  const env = { clock, random, logger, observer }
  const { port: _, host: __, spool: spoolOptions, ...options } = declared
  let spool: KeptSpool | undefined
  if (remote) {
    await topics.declareIfThere(options.topics)
    spool = await keepSpool({
      log: system.log,
      topics: options.topics,
      declare: topic => topics.declare(topic),
      options: spoolOptions,
      env: { clock, random, logger },
      observer,
    })
  } else for (const topic of options.topics) await topics.declare(topic)
  try {
    const collector = createCollector({
      ...options,
      log: system.log,
      ...(spool && { spool: spool.spool }),
      dedup: system.features.deduplicates === true ? 'log' : 'local',
      ...env,
    })
    await held?.release()
    const listening = held && (await listenOn(collector, held))
    return { collector: Object.assign(collector, { port: listening?.port }), spool }
  } catch (error) {
    await spool?.close()
    throw error
  }
}

/** Undefined for a collector that is mounted in a server of the user's own. */
export async function holdDoor(
  { port, host = '127.0.0.1' }: AppCollectorOptions,
  door: DoorSettings | undefined,
): Promise<HeldPort | undefined> {
  if (port === undefined) return undefined
  return holdPort({ port, host, setBy: door?.setBy ?? 'the port of app.collector()' })
}

async function listenOn(collector: Collector, at: ListenOptions): Promise<Listening> {
  try {
    return await collector.listen(at.port, at.host)
  } catch (error) {
    throw portError(error, at)
  }
}
