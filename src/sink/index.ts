export type * from './outbox.ts'
export type * from './port.ts'
