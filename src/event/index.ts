export {
  othersTurn,
  seededRandom,
  sleep,
  systemClock,
  systemRandom,
  type Clock,
  type Random,
} from './clock.ts'
export { parseDuration, parseRate, type Duration, type Rate } from './duration.ts'
export {
  acceptedAgain,
  acceptTimeOf,
  decodeEvent,
  encodeEvent,
  idHeaders,
  type Envelope,
} from './envelope.ts'
export {
  errorCatalogue,
  HoldfastError,
  isErrorCode,
  isHoldfastError,
  type ErrorCode,
  type ErrorKind,
} from './errors.ts'
export type { Finding } from './finding.ts'
export { newEventId, timeOfId } from './ids.ts'
export { lateLogger, silentLogger, type Logger } from './logger.ts'
export {
  offset,
  partitionId,
  RESERVED_HEADER_PREFIX,
  RESERVED_TOPIC_PREFIX,
  type Durability,
  type Headers,
  type LogRecord,
  type NewRecord,
  type Offset,
  type Position,
  type TopicPartition,
} from './record.ts'
export { jsonIn, recordLine } from './record-line.ts'
export { sha256 } from './sha256.ts'
export { parseWhere } from './where.ts'
