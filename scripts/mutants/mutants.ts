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
    file: 'src/consume/lane-errands.ts',
    text: 'await letters.write(letter, died)',
    becomes: 'await letters.write(letter, died).catch(() => {})',
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
    file: 'src/recover/lane/key-queue.ts',
    text: 'return key === undefined ? `#${origin}` : `=${key}`',
    becomes: 'return `#${origin}`',
    tests: ['src/consume/group.test.ts'],
  },
  {
    fault: 'counts an outage as an attempt',
    file: 'src/consume/run-results.ts',
    text: "      case 'pause':\n        return again(task)",
    becomes:
      "      case 'pause':\n        return { kind: 'retry', dueAt: 0, failure: describeFailure(error, clock.now()) }",
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
    file: 'src/consume/lane-errands.ts',
    text: 'await letters.write(letter, died)',
    becomes: 'await Promise.resolve()',
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
    file: 'src/recover/lane/entry-life.ts',
    text: 'state: { ...entry.state, dueAt }',
    becomes: 'state: { ...entry.state, dueAt, final: undefined }',
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
    file: 'src/consume/topic-intake.ts',
    text: 'while (this.#isFull() && !this.#isOver())',
    becomes: 'while (this.#isFull() && this.#isOver())',
    tests: ['src/consume/lifecycle.test.ts'],
  },
  {
    fault: 'forgets the last commit before a hand-over',
    file: 'src/recover/lane/lane.ts',
    text: '    this.#own.release()\n    this.#commit()',
    becomes: "    this.phase = 'over'",
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
    file: 'src/recover/lane/topic-records.ts',
    text: 'of back.toReversed())',
    becomes: 'of back)',
    tests: ['src/consume/effects.int.test.ts'],
  },
  {
    fault: 'keeps a batch group in single steps behind one failure',
    file: 'src/recover/lane/topic-records.ts',
    text: 'next && queue.frees(next) && (!this.#intake || next.alone)',
    becomes: 'next && queue.frees(next)',
    tests: ['src/consume/effects.int.test.ts'],
  },
  {
    fault: 'lets the inbox forget days that a group has still to read',
    file: 'src/server/inbox-pruning.ts',
    text: 'oldest = Math.min(oldest, first.timestamp',
    becomes: 'oldest = Math.max(oldest, first.timestamp',
    tests: ['src/server/inbox-pruning.int.test.ts'],
  },
  {
    fault: 'lets everybody run everything who has a token',
    file: 'src/server/operations/perform.ts',
    text: 'if (!mayRun(actor.role, operation.role))',
    becomes: "if (actor.name === '')",
    tests: ['src/server/operations/operations.test.ts'],
  },
  {
    fault: 'takes any token',
    file: 'src/server/access.ts',
    text: 'timingSafeEqual(hash, given)',
    becomes: 'timingSafeEqual(hash, hash)',
    tests: ['src/server/operations/operations.test.ts'],
  },
  {
    fault: 'lets other pages write to the admin side',
    file: 'src/server/operations/routes.ts',
    text: 'if (refusal) return problem(c, refusal)',
    becomes: 'void refusal',
    tests: ['src/server/operations/operations.test.ts'],
  },
  {
    fault: 'lets two writers follow the same record of the audit trail',
    file: 'src/server/operations/audit-trail.ts',
    text: 'partition: 0, dedup }',
    becomes: 'partition: 0 }',
    tests: ['src/server/operations/audit.test.ts'],
  },
  {
    fault: 'forgets over a restart that a group is paused',
    file: 'src/server/running-groups.ts',
    text: 'if (decision) {',
    becomes: 'if (decision && entry.isJoined) {',
    tests: ['src/cli/commands/operations.int.test.ts'],
  },
  {
    fault: 'does a decision that was only to be previewed',
    file: 'src/server/operations/perform.ts',
    text: "operation.effect === 'change' || request.execute === true",
    becomes: 'operation.name.length > 0',
    tests: ['src/server/operations/groups.test.ts'],
  },
  {
    fault: 'renames a group and leaves its inbox behind',
    file: 'src/server/operations/group-rename.ts',
    text: 'await sink?.renameGroup(group, to)',
    becomes: 'void sink',
    tests: ['src/server/operations/group-rename.int.test.ts'],
  },
]
