import type { Benchmark } from '../frame/benchmark.ts'
import { appendBenchmarks } from './append.ts'
import { consumeBenchmarks } from './consume.ts'
import { doorBenchmarks } from './door.ts'
import { endToEndBenchmarks } from './end-to-end.ts'
import { idBenchmarks } from './ids.ts'
import { letterBenchmarks } from './letters.ts'
import { outboxBenchmarks } from './outbox.ts'
import { replayBenchmarks } from './replay.ts'
import { kafkaBenchmarks } from './kafka.ts'
import { laneBenchmarks } from './lane.ts'
import { waitingBenchmarks } from './waiting.ts'

/** All of them, in the order of an event's way. */
export const benchmarks: readonly Benchmark[] = [
  ...appendBenchmarks,
  ...doorBenchmarks,
  ...consumeBenchmarks,
  ...endToEndBenchmarks,
  ...outboxBenchmarks,
  ...waitingBenchmarks,
  ...idBenchmarks,
  ...letterBenchmarks,
  ...replayBenchmarks,
  ...laneBenchmarks,
  ...kafkaBenchmarks,
]
