export { embedded } from './embedded.ts'
export type { EmbeddedObserver, EmbeddedOptions } from './options.ts'
