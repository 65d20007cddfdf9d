import { loadavg } from 'node:os'
import type { Benchmark, Round } from './benchmark.ts'
import { judge, type Verdict } from './verdict.ts'
import type { World } from './world.ts'

export interface Result {
  readonly name: string
  readonly what: string
  readonly unit: string
  readonly rounds: readonly Round[]
  readonly verdicts: readonly Verdict[]
  readonly load: number
}

/** Limit and subject in turns: what disturbs the machine for a while disturbs both. */
export async function runBenchmark(
  benchmark: Benchmark,
  world: World,
  rounds: number,
  seen: (round: Round) => void,
): Promise<Result> {
  const { name, what, unit, goals } = benchmark
  const arms = await benchmark.open(world)
  const done: Round[] = []
  for (let n = 0; n < rounds; n++) {
    const round: Round = { limit: await arms.limit?.(), subject: await arms.subject() }
    done.push(round)
    seen(round)
  }
  const verdicts = goals.map(goal => judge(goal, done))
  return { name, what, unit, rounds: done, verdicts, load: loadavg()[0] ?? 0 }
}
