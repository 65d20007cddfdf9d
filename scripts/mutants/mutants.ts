/** One planted fault: a text of the source, what it becomes, and the tests of which at least one must then fail. */
export interface Mutant {
  readonly fault: string
  readonly file: string
  readonly text: string
  readonly becomes: string
  readonly tests: readonly string[]
}

/**
 * Faults in the sources. Those that a driver of somebody else could have stand in the mutant tests of the suites, which
 * `npm test` runs. Each names the one test file that must notice, so that all of them are affordable in every run.
 */
export const mutants: readonly Mutant[] = [
  {
    fault: 'answers before the disk has it: no sync',
    file: 'src/drivers/embedded/lmdb.ts',
    text: '  overlappingSync: false,\n',
    becomes: '  overlappingSync: false,\n  noSync: true,\n',
    tests: ['src/drivers/embedded/sync-error.int.test.ts'],
  },
  {
    fault: 'answers before the disk has it: at the end of the transaction, not of its commit',
    file: 'src/drivers/embedded/lmdb-storage.ts',
    text: '              done.push({ job, ran })\n',
    becomes: '              done.push({ job, ran })\n              ran.resolve()\n',
    tests: ['src/drivers/embedded/lmdb-storage.int.test.ts'],
  },
  {
    fault: 'drops the tail: takes the last chunk that is there for the end of the log',
    file: 'src/drivers/embedded/chain.ts',
    text: 'if (chunk.next !== tail.end || chunk.base !== tail.last)',
    becomes: 'if (chunk.next > tail.end)',
    tests: ['src/drivers/embedded/chain.test.ts'],
  },
  {
    fault: 'ignores a stale epoch in the log',
    file: 'src/log/group-positions.ts',
    text: 'current.owner === undefined || current.epoch !== epoch',
    becomes: 'current.owner === undefined',
    tests: ['src/log/lease-groups.test.ts'],
  },
  {
    fault: 'has no fence: lets every epoch in',
    file: 'src/drivers/postgres/migrations.ts',
    text: 'where l.lease = p_lease and l.epoch = p_epoch;\n  if not found then',
    becomes: 'where l.lease = p_lease;\n  if not found then',
    tests: ['src/drivers/postgres/sink.int.test.ts'],
  },
  {
    fault: 'skips the inbox',
    file: 'src/drivers/postgres/admit.ts',
    text: 'plan.rows.every(isNew) ? FRESH : DUPLICATE',
    becomes: 'plan.rows.every(isNew) ? FRESH : FRESH',
    tests: ['src/drivers/postgres/sink.int.test.ts'],
  },
  {
    fault: 'swallows the failure to write a letter',
    file: 'src/consume/bury.ts',
    text: "      if (signal.aborted) return 'cut'\n      logger.warn(",
    becomes: "      if (signal.aborted) return 'cut'\n      break\n      logger.warn(",
    tests: ['src/consume/poison.test.ts'],
  },
  {
    fault: 'commits the highest event that is done',
    file: 'src/consume/watermark.ts',
    text: 'return deliveries[first]?.offset ?? next',
    becomes: 'return next',
    tests: ['src/consume/watermark.test.ts'],
  },
  {
    fault: 'runs the events of one key at once',
    file: 'src/consume/partition-worker.ts',
    text: 'return key === undefined ? offset : key',
    becomes: 'return offset',
    tests: ['src/consume/group.test.ts'],
  },
  {
    fault: 'counts an outage as an attempt',
    file: 'src/consume/partition-worker.ts',
    text: "      case 'pause':\n        return false",
    becomes: "      case 'pause':\n        this.#remember(task, error)\n        return false",
    tests: ['src/consume/outage.test.ts'],
  },
  {
    fault: 'asks no dependency about an error that nobody knows',
    file: 'src/consume/verdict.ts',
    text: '(await firstAway(dependencies)) ?? retryOrDead(task, context)',
    becomes: 'retryOrDead(task, context)',
    tests: ['src/consume/outage.test.ts'],
  },
  {
    fault: 'goes on without having written the letter',
    file: 'src/consume/bury.ts',
    text: 'await log.append(deadTopicOf(record.topic, settings.group), [letter])',
    becomes: 'void letter',
    tests: ['src/consume/poison.test.ts'],
  },
  {
    fault: 'stops at bytes that cannot be decoded',
    file: 'src/consume/read-event.ts',
    text: "return { kind: 'dead', reason: 'decode', error }",
    becomes: 'throw error',
    tests: ['src/consume/poison.test.ts'],
  },
  {
    fault: 'skips a type that nobody knows',
    file: 'src/consume/read-event.ts',
    text: '  if (!type)',
    becomes: "  if (!type) return { kind: 'skip' }\n  if (!type)",
    tests: ['src/consume/poison.test.ts'],
  },
  {
    fault: 'runs a dead event again after a crash',
    file: 'src/consume/partition-worker.ts',
    text: 'if (this.#o.buried.has(record.offset))',
    becomes: 'if (this.#o.buried.has(-1n))',
    tests: ['src/consume/poison.test.ts'],
  },
  {
    fault: 'lets every event die in a flood',
    file: 'src/recover/flood-guard.ts',
    text: 'if (after > this.#atLeast',
    becomes: 'if (after > 1e9 && after > this.#atLeast',
    tests: ['src/recover/flood-guard.test.ts'],
  },
  {
    fault: 'takes in without a bound',
    file: 'src/consume/partition-worker.ts',
    text: 'while (this.#isFull() && !signal.aborted)',
    becomes: 'while (this.#isFull() && signal.aborted)',
    tests: ['src/consume/lifecycle.test.ts'],
  },
  {
    fault: 'forgets the last commit before a hand-over',
    file: 'src/consume/group-runner.ts',
    text: 'await this.#commitAll() // of all',
    becomes: '// of all',
    tests: ['src/consume/lifecycle.test.ts'],
  },
  {
    fault: 'believes what calls say that began before the breaker opened',
    file: 'src/recover/dependency.ts',
    text: "if (how !== 'neither' && tenure === this.#tenure)",
    becomes: "if (how !== 'neither')",
    tests: ['src/recover/dependency.test.ts'],
  },
  {
    fault: 'lets everything through after one probe',
    file: 'src/recover/breaker.ts',
    text: 'ramp: { width: 1, succeeded: 0 }, backoffMs',
    becomes: 'ramp: undefined, backoffMs',
    tests: ['src/recover/breaker.test.ts'],
  },
  {
    fault: 'puts what was held in front of what failed',
    file: 'src/consume/partition-worker.ts',
    text: 'for (const task of [...alone, ...follow])',
    becomes: 'for (const task of [...follow, ...alone])',
    tests: ['src/consume/effects.int.test.ts'],
  },
  {
    fault: 'keeps a batch group in single steps behind one failure',
    file: 'src/consume/partition-worker.ts',
    text: 'const goesOn = !this.#c.settings.batch || ',
    becomes: 'const goesOn = true || ',
    tests: ['src/consume/effects.int.test.ts'],
  },
  {
    fault: 'lets the inbox forget days that a group has still to read',
    file: 'src/server/inbox-pruning.ts',
    text: 'oldest = Math.min(oldest, first.timestamp',
    becomes: 'oldest = Math.max(oldest, first.timestamp',
    tests: ['src/server/inbox-pruning.int.test.ts'],
  },
]
