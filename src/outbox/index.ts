export { drainOutbox } from './drain.ts'
export {
  Publishing,
  type Cause,
  type OutboxContext,
  type OutboxOptions,
  type PublishingTx,
} from './publishing-tx.ts'
export { outboxRelay, type OutboxRelay, type RelayState } from './relay.ts'
