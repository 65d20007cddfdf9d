/** Where a log or a queue can come from, with the team and the money that were published for it. */
export interface LogOption {
  readonly name: string
  /** Platform people that it takes, as published; undefined where nothing was published. */
  readonly people?: readonly [number, number]
  /** Dollars a month, as published. */
  readonly dollarsAMonth?: readonly [number, number]
  readonly note: string
}

export const logOptions: readonly LogOption[] = [
  { name: 'Holdfast embedded', note: 'runs in your process on one machine with one disk; nothing published' },
  { name: 'NATS', people: [1, 2], dollarsAMonth: [500, 5_000], note: 'JetStream, one binary' },
  { name: 'Redis', people: [1, 2], dollarsAMonth: [200, 3_000], note: 'Streams; memory bounds what is kept' },
  { name: 'Kafka', people: [2, 5], dollarsAMonth: [2_000, 15_000], note: 'the largest ecosystem' },
  {
    name: 'Pulsar',
    people: [3, 8],
    dollarsAMonth: [3_000, 20_000],
    note: 'brokers and storage apart; the most parts',
  },
]

/** What to take instead, when the answer is not a log. */
export interface Alternative {
  readonly name: string
  readonly replay: string
  readonly order: string
  readonly operations: string
  readonly cost: string
  /** What of Holdfast is still of use beside it. */
  readonly stillUseful: string
}

export const alternatives: readonly Alternative[] = [
  {
    name: 'table as queue (pg-boss, Graphile Worker)',
    replay: 'none: done jobs are deleted, at once or later',
    order: 'by queue name or singleton key',
    operations: 'none beyond PostgreSQL, and down when it is',
    cost: 'rows and vacuum in the database you have',
    stillUseful: 'holdfast load --target, and the audit by id',
  },
  {
    name: 'SQS and SNS',
    replay: 'SNS FIFO topics from an archive, 365 days at most; SQS none',
    order: 'FIFO queues, by message group',
    operations: 'none',
    cost: 'by request',
    stillUseful: 'holdfast load --target, and the audit by id',
  },
  {
    name: 'EventBridge',
    replay: 'from an archive; the order is not kept',
    order: 'none',
    operations: 'none',
    cost: 'by event, and by event replayed',
    stillUseful: 'the audit by id',
  },
  {
    name: 'RabbitMQ',
    replay: 'streams only; a queue forgets what was acknowledged',
    order: 'by queue, with one consumer',
    operations: 'a broker, three nodes for quorum queues',
    cost: 'by node',
    stillUseful: 'holdfast load --target, and the audit by id',
  },
  {
    name: 'Azure Service Bus',
    replay: 'none: a message is gone once completed',
    order: 'by session',
    operations: 'none',
    cost: 'by operation, or by unit in the premium tier',
    stillUseful: 'holdfast load --target, and the audit by id',
  },
]
