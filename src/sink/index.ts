export { measured, type SinkObserver } from './measured.ts'
export type * from './outbox.ts'
export type * from './port.ts'
