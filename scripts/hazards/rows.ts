/** A way in which systems of this kind lose, double, reorder or falsify events, and the rule that keeps ours from it. */
export interface HazardRow {
  /** The number that test names begin with: `hazard 15: …`. Numbers are never given away again. */
  readonly row: string
  readonly hazard: string
  readonly rule: string
  /** A row that must have a test now. The others have their rule already and get their test with their part. */
  readonly tested: boolean
}

const row = (row: string, hazard: string, rule: string): HazardRow => ({ row, hazard, rule, tested: true })
const later = (row: string, hazard: string, rule: string): HazardRow => ({ row, hazard, rule, tested: false })

export const hazardRows: readonly HazardRow[] = [
  row(
    '1',
    'A 202 for an event that is not yet on disk',
    'The answer waits for the sync of the commit that holds the event. There is no timer that answers earlier.',
  ),
  row(
    '2',
    'A failed sync is tried again and "succeeds", although the kernel has thrown the pages away',
    'After a failed sync nothing is accepted any more: the batch is answered 503, the process ends and recovers from disk.',
  ),
  row(
    '3',
    'A batch is half stored and the sender cannot tell which half',
    'A mixed batch is answered 207 with one result per index; a resend with the same ids stores nothing twice.',
  ),
  row(
    '4',
    'The sender disconnects in the middle of the body',
    'Nothing of an incomplete request is appended; an append once begun is never cancelled.',
  ),
  row(
    '5',
    'The sender disconnects before the answer and sends again',
    'The id is checked in the transaction of the append: the second send is answered with the first receipt.',
  ),
  row(
    '6',
    'Another event under a known id is dropped as a duplicate',
    'A hash of the payload is kept beside the id; another payload is a conflict, 409.',
  ),
  row(
    '7',
    'Parsing and writing JSON again changes large numbers, 1.10 and repeated names',
    'The bytes that came are the bytes that are stored. Parsing serves checking and routing only.',
  ),
  row(
    '8',
    'Text that was accepted and that no database can store',
    'NUL and lone surrogates are refused at the door, unless a policy lets them through.',
  ),
  row(
    '9',
    'A small body that inflates to gigabytes, or nests a million levels deep',
    'Limits on received size, inflated size, their ratio, depth and number of events, each applied while reading.',
  ),
  row(
    '10',
    'Senders that drip a byte a second hold every connection',
    'Header, body and request times are bounded, and so are connections.',
  ),
  row(
    '11',
    'The log stalls and memory fills with requests',
    'Bytes in flight are bounded; above the bound the answer is 503 with Retry-After.',
  ),
  row(
    '12',
    'A stop drops requests that were accepted or are under way',
    'Not ready, then no new connections, then finish, flush and sync, then exit 0.',
  ),
  row(
    '13',
    'The health check says yes while nothing can be stored',
    'Ready means that a real append became durable within the last seconds.',
  ),
  row(
    '14',
    'Torn data after a power cut',
    'Chunks carry their base, count and checksum, the tail is stored in the same transaction, and the file size is checked before mapping.',
  ),
  row(
    '15',
    'Damage in the middle is taken for the end of the log',
    'A gap in the chain of chunks or an end before the stored tail stops the partition and is reported. Nothing is skipped.',
  ),
  row(
    '16',
    'The file is there, its directory entry is not',
    'The directory is synced after the environment is made.',
  ),
  row(
    '17',
    'The disk is full in the middle of a write',
    'A failed transaction leaves nothing behind; a reserve keeps commits and retention alive; appends go on once there is room.',
  ),
  row(
    '18',
    'Processes of two hosts or containers share a folder',
    'Another boot or pid namespace is refused by name.',
  ),
  row(
    '19',
    'The clock goes backwards',
    'Offsets order everything; stored times never decrease; durations come from the monotonic clock.',
  ),
  row(
    '20',
    'One huge record blocks every reader',
    'The limit holds at the append, and a reader allocates by checked lengths only.',
  ),
  row(
    '21',
    'Retention deletes what a slow group has not read',
    'The group stops with OFFSET_OUT_OF_RANGE and the number that was lost; only a recorded decision lets it go on.',
  ),
  row(
    '22',
    'Something derived disagrees with the log after a crash',
    'Positions and leases live in the transactions of the log; what is derived is rebuilt.',
  ),
  row(
    '23',
    'A position that is more durable than the event it points behind',
    'Positions are committed in the same environment, after the data; a position beyond the end stops the group.',
  ),
  row(
    '24',
    'A group without a position begins somewhere by default',
    'There is no default: the first start names earliest, latest or a time.',
  ),
  row(
    '25',
    'An append that is tried again comes behind a later one',
    'On a broker at most one batch of a partition is under way, and it is sent until it has an answer.',
  ),
  row(
    '26',
    'The broker forgets what a producer has sent',
    'A new producer id, and what has no answer is sent again in order: twice at most, which the inbox recognises.',
  ),
  row(
    '27',
    'Something outside the log tries an append again, and lets another pass it',
    'There is one queue for each partition, within the driver, and nobody else tries again.',
  ),
  row(
    '28',
    'One record that is too large fails its whole batch for ever',
    'Sizes are checked before anything is sent, by the most that a record can take; a batch that is refused is taken apart.',
  ),
  row('29', 'A typo makes a topic', 'Topics are declared; an unknown one is an error, never a new topic.'),
  row(
    '30',
    'A key changes its partition',
    'The hash is that of the Java client, compared over 10,000 keys; a topic never shrinks.',
  ),
  row(
    '31',
    'An append that timed out is taken for a failed one',
    'The answer is 503 outcome_unknown, and a resend with the same id stores nothing twice.',
  ),
  row(
    '32',
    'The broker restarts under load',
    'The collector spools and sends on in order; appends and reads go on by themselves when a broker is back.',
  ),
  row(
    '33',
    'A later position is committed while an earlier event is unfinished',
    'One contiguous watermark per partition and epoch is the only code that computes a commit.',
  ),
  row(
    '34',
    'A partition moves in the middle of a handler',
    'On revoke: stop taking in, drain, commit, then give away.',
  ),
  row(
    '35',
    'A frozen owner wakes up and writes late',
    'The lease is checked inside the transaction of the effect; the former owner is shut out before the new one begins.',
  ),
  row(
    '36',
    'A late completion of a former ownership moves the new one',
    'Completions carry the epoch; another epoch drops them.',
  ),
  row(
    '37',
    'A commit that fails in the middle of a rebalance stalls its member for ever',
    'A failed commit stops neither heartbeats nor reads; positions go to the next coordinator, and who owns without reading is found out.',
  ),
  row(
    '38',
    'A late commit moves a position back',
    'One commit under way per partition, and never a lower offset within an epoch.',
  ),
  row(
    '39',
    'A handler never returns',
    'A deadline with a signal; after it only that key waits, the others go on.',
  ),
  row(
    '40',
    'A handler blocks the event loop and its process is expelled for silence',
    'A lease lasts far longer than any pause; a process that was silent for too long finds out itself and begins anew.',
  ),
  row(
    '41',
    'A record that cannot be decoded stops the loop for ever',
    'Decoding happens inside the guarded step; the bytes are kept whole as a letter and the group goes on.',
  ),
  row(
    '42',
    'A null value or a missing key',
    'A tombstone is an event without data, and an event without a key keeps its id for deduplication.',
  ),
  row(
    '43',
    'A retry lets later events of its key overtake it',
    'What comes of a key while one of it waits is parked behind it, durable, and runs after it.',
  ),
  row(
    '44',
    'An event waits in another partition of the retry lane than the one that it came from, and another owner runs it',
    'The partition of the lane is that of the topic, by its number and never by the key. A lane with fewer partitions gets them at the start, one with more is refused; where one is missing nothing is delivered.',
  ),
  row(
    '45',
    'A retry or dead letter that cannot be written is lost with the position that passes it',
    'A record is settled when its park is durable, an entry when its letter is; a failed append is tried again for ever.',
  ),
  row(
    '46',
    'A wait before the next attempt holds its partition',
    'The event waits in the retry lane, and behind it only its key.',
  ),
  row(
    '47',
    'Attempts and waits are lost, or stuck, when partitions change hands',
    'They are records of the retry lane, which the next owner reads; a process keeps none of them.',
  ),
  row(
    '48',
    'A crash loop begins anew each time, and a restart forgets the attempts',
    'A start is durable before the handler is called; three starts without an end make a letter.',
  ),
  later(
    '49',
    'A stop loses finished work or waits for ever',
    'Drain with a limit, commit, leave: each step on its own.',
  ),
  row(
    '50',
    'A dead letter is replayed twice, or beside itself',
    'The first decision on a version of the letter counts; a double click is one replay.',
  ),
  row(
    '51',
    'Everything probes at once when a database comes back',
    'One probe at a time per dependency and process, then a ramp.',
  ),
  row(
    '52',
    'Bad data opens the breaker',
    'Only errors of the dependency itself feed it; bad rows become letters while it stays closed.',
  ),
  row(
    '53',
    'An outage spends the attempts and floods the dead letters',
    'An open breaker pauses: no attempt is counted, no letter is written, no position moves.',
  ),
  row(
    '54',
    'A pause of fixed length ends while the outage goes on',
    'The pause ends when a probe succeeds, not when a time is over.',
  ),
  row('55', 'A paused consumer is expelled from its group', 'Leases are kept while paused.'),
  row(
    '56',
    'The breaker is too wide or too narrow',
    'One breaker per dependency, not per partition and not for all.',
  ),
  row(
    '57',
    'Two workers check, both find nothing, both act',
    'The inbox row is inserted first and its row count decides.',
  ),
  row(
    '58',
    'The inbox row and the effect commit apart',
    'One transaction holds both; the handler gets that transaction only.',
  ),
  row(
    '59',
    'A concurrent duplicate is answered before the first has committed',
    'It waits for the first, or fails as transient; it is never called a duplicate early.',
  ),
  row(
    '60',
    'The inbox forgets before the log does',
    'Buckets go by the accept time that the event carries; what was applied below the watermark is known without a row.',
  ),
  row(
    '61',
    'A deliberate replay does nothing, or doubles',
    'A fill asks the inbox and not the offset, so it applies what is missing and nothing else; what nobody knows is refused.',
  ),
  row(
    '62',
    'A batch holds the same event twice',
    'Duplicates are taken out before the statement, and arrays replace thousands of parameters.',
  ),
  row(
    '63',
    'One bad row fails the batch of 500',
    'Bisecting with savepoints finds it; the others commit with their inbox rows.',
  ),
  row(
    '64',
    'The connection dies after COMMIT was sent',
    'The transaction is run again and the inbox row answers.',
  ),
  row(
    '65',
    'Rows of an outbox become visible in another order than their numbers',
    'A row is read only once every transaction that began before its own is over; a bare cursor passes what commits late.',
  ),
  row(
    '66',
    'An open transaction anywhere in the cluster holds the outbox back',
    'The status names the session or the prepared transaction; the rows follow when it is over.',
  ),
  row(
    '67',
    'Rows of the outbox come from a restored database, with transaction ids of another cluster',
    'The relay refuses and says so; a rebase gives them ids of this one, in their old order.',
  ),
  row('68', 'Transaction ids are sorted as text', 'They are compared and ordered by their own type.'),
  row(
    '69',
    'Two relays take rows at once',
    'One works, by a lease with an epoch; the place of one that lost it is refused.',
  ),
  row(
    '70',
    'A relay dies after it appended rows and before it noted that',
    'Its successor appends them again under the same ids, and the log or the inbox recognises them.',
  ),
  later(
    '88',
    'One tenant sends fifty times its share, and the others wait for it',
    'At the door each key has a rate in events, and each tenant one in bytes and half of the bytes in flight; what is above them is refused with 429 while others are taken in. Behind it tenants take turns for the places of a group and for its retries. One that holds half of a retry lane has no more retries until it holds a quarter: what fails of it is a dead letter. Its letters pause nobody while the events of others are done. Breakers are shared: a handler that calls one address for each tenant says onError: retry.',
  ),
  row(
    '89',
    'One key has most of the load, and its whole partition waits for it',
    'Keys queue apart: what comes behind a key that is slow is done, as long as fewer than maxInFlight events of the partition are under way. Beyond that a partition goes at the pace of its slowest key.',
  ),
  row(
    '90',
    'A replay starves live traffic',
    'It has a quarter of the places of its group, and a rate of its own where one is named.',
  ),
  later(
    'S1',
    'The admin side is open to the network',
    'It binds to loopback and refuses anything else while it has no authentication.',
  ),
  row(
    'S2',
    'A web page or a rebound name reaches the admin side',
    'Host and origin are checked, and nothing changes by GET.',
  ),
  later(
    'S3',
    'Text from outside runs as a script on the status page',
    'Text stays text, and the page allows no script at all.',
  ),
  row('S4', 'Keys of the collector', 'Hashed, compared in constant time, bound to a tenant and its topics.'),
  later(
    'S5',
    'One tenant reads or forges what belongs to another',
    'The tenant comes from the key of the sender only, and is part of record keys and of deduplication.',
  ),
  row('S6', 'A sender forges our own headers', 'Names that begin with ours are stripped at the door.'),
  row('S7', 'Two readings of one request (smuggling)', 'The strict parser, and 400 for anything ambiguous.'),
  row(
    'S8',
    'A payload pollutes a prototype',
    '__proto__ and constructor.prototype are refused as names at the door.',
  ),
  row(
    'S18',
    'Labels chosen by senders fill the metrics',
    'Labels come from declared names; anything else shares one label.',
  ),
  row(
    'S15',
    'Error messages carry rows of the database',
    'Detail and where of PostgreSQL errors are not kept.',
  ),
  row(
    '91',
    'A process that opens the log takes back what another one commits at that moment',
    'Each transaction compares its number with the newest state in the file before it does anything, and puts the lock file of LMDB right when they do not follow.',
  ),
]
