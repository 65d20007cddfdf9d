export {
  errorCatalogue,
  HoldfastError,
  isHoldfastError,
  type Duration,
  type ErrorCode,
  type Rate,
} from './event/index.ts'
export { topic, type EventOf, type Topic } from './schema/index.ts'
