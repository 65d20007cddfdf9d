export { embedded } from './embedded.ts'
export type { EmbeddedObserver, EmbeddedOptions } from './options.ts'
export { verifyLog, type VerifiedPartition, type VerifyReport } from './verify.ts'
