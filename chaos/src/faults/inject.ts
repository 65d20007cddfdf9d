import type { Service } from '../contract/arm.ts'
import type { FaultResult } from '../contract/result.ts'
import type { FaultPlan } from '../contract/scenario.ts'
import type { FaultedDatabase } from './database.ts'

/** One arm, as far as faults can hit it. */
export interface Hittable {
  readonly name: string
  readonly services: ReadonlyMap<string, Service>
  readonly dependencies: ReadonlyMap<string, Service>
}

/** A fault on its way, with whom it hits. */
export interface Injection {
  readonly name: string
  readonly at: number
  readonly until: number
  readonly arms: readonly string[]
  /** Each answers what was seen. */
  begin(): Promise<string[]>
  end(): Promise<string[]>
}

/** How much longer a slowed service takes. */
const SLOW_MS = 2_000

/** What a plan means for the arms that run at the same time. Poison is part of the load and no matter of this. */
export function injectionsOf(
  plan: FaultPlan,
  database: FaultedDatabase,
  arms: readonly Hittable[],
): Injection[] {
  const window = { at: plan.at, until: plan.at + plan.for }
  switch (plan.target) {
    case 'load':
      return []
    case 'postgres':
      return [
        {
          ...window,
          name: `postgres ${plan.fault}`,
          arms: arms.map(({ name }) => name),
          begin: () => database.begin(plan.fault),
          end: () => database.end(plan.fault),
        },
      ]
    case 'service':
      return arms.flatMap(arm => onService(plan.fault, arm.services.get(plan.service), arm.name, window))
    case 'dependency':
      return arms.flatMap(arm =>
        onService(plan.fault, arm.dependencies.get(plan.dependency), arm.name, window),
      )
  }
}

function onService(
  fault: 'kill' | 'stop' | 'slow',
  service: Service | undefined,
  arm: string,
  window: Pick<Injection, 'at' | 'until'>,
): Injection[] {
  if (!service) return []
  const one = async (seen: Promise<string> | undefined): Promise<string[]> => (seen ? [await seen] : [])
  const acts = {
    kill: { begin: () => one(service.kill()), end: () => one(service.restart()) },
    stop: { begin: () => one(service.freeze()), end: () => one(service.thaw()) },
    slow: { begin: () => one(service.slow?.(SLOW_MS)), end: () => one(service.slow?.(0)) },
  }
  return [{ ...window, ...acts[fault], name: `${service.name} ${fault}`, arms: [arm] }]
}

export interface Injected {
  readonly arms: readonly string[]
  readonly result: FaultResult
}

/** Lets one fault happen when its time has come. Never rejects: a fault that failed was not observed. */
export async function inject(
  injection: Injection,
  clock: { seconds(): number; waitUntil(second: number): Promise<void> },
  tell: (text: string, arms: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Injected | undefined> {
  const { name, at, until, arms } = injection
  await clock.waitUntil(at)
  if (signal.aborted) return undefined
  const observed: string[] = []
  const began = rounded(clock.seconds())
  try {
    observed.push(...(await injection.begin()))
    tell(`${name}: ${observed.join('; ') || 'nothing was seen of it'}`, arms)
    await clock.waitUntil(until)
    // Interrupted: whatever it hit is about to be ended anyway.
    if (signal.aborted) return undefined
    const end = await injection.end()
    tell(`${name} ends: ${end.join('; ')}`, arms)
    // The end alone proves no beginning.
    if (observed.length > 0) observed.push(...end)
  } catch (error) {
    tell(`${name} failed: ${(error as Error).message}`, arms)
    observed.length = 0
  }
  return { arms, result: { name, plannedAt: at, began, ended: rounded(clock.seconds()), observed } }
}

/** To a millisecond: more is not known of when a process was gone. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}
