import type { Benchmark } from '../frame/benchmark.ts'
import { appendBenchmarks } from './append.ts'
import { consumeBenchmarks } from './consume.ts'
import { doorBenchmarks } from './door.ts'

/** All of them, in the order of an event's way. */
export const benchmarks: readonly Benchmark[] = [...appendBenchmarks, ...doorBenchmarks, ...consumeBenchmarks]
