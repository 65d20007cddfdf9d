export { describeMutants, type Mutant } from './describe-mutants.ts'
export { describeSink, keepPromise, sinkPromises } from './describe-sink.ts'
export type { MakeSink, SinkPromise, SinkUnderTest } from './harness.ts'
export { World } from './world.ts'
