/** What a failed attempt to store a batch means for it. */
export type ProduceVerdict =
  /** Look who leads the partition, and send it again as it is: the broker recognises what it has already. */
  | 'again'
  /** The broker does not know our sequence any more: go on under a new producer id. What it had is then stored twice. */
  | 'renew'
  /** It is stored, and the broker has forgotten where. */
  | 'known'
  /** Something in it is refused: find out what. Nothing was stored. */
  | 'split'
  /** Nothing of it may be stored. Nothing was. */
  | 'refuse'

/** By the ids of the error. What is unknown is tried again: giving up loses order, and trying costs only time. */
export function judgeProduce(ids: ReadonlySet<string>): ProduceVerdict {
  for (const [verdict, of] of verdicts) if (of.some(id => ids.has(id))) return verdict
  return 'again'
}

const verdicts: readonly (readonly [ProduceVerdict, readonly string[]])[] = [
  [
    'renew',
    [
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      'UNKNOWN_PRODUCER_ID',
      'INVALID_PRODUCER_EPOCH',
      'INVALID_PRODUCER_ID_MAPPING',
      'PRODUCER_FENCED',
    ],
  ],
  ['known', ['DUPLICATE_SEQUENCE_NUMBER']],
  ['split', ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP']],
  [
    'refuse',
    [
      'TOPIC_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      'PLT_KFK_AUTHENTICATION',
      'SASL_AUTHENTICATION_FAILED',
      'UNSUPPORTED_SASL_MECHANISM',
      'UNSUPPORTED_COMPRESSION_TYPE',
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      'PLT_KFK_UNSUPPORTED_COMPRESSION',
      'POLICY_VIOLATION',
    ],
  ],
]

/**
 * Whether what is to be sent again may be stored already. Few answers say that it is not: a broker that lost the leadership
 * while it waited for the copies says that it is not the leader, and the next one has the records.
 */
export function mayBeStored(ids: ReadonlySet<string>): boolean {
  return !['NOT_ENOUGH_REPLICAS', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'].some(id => ids.has(id))
}
