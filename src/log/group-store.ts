import type { Offset, TopicPartition } from '../event/index.ts'

/**
 * What {@link leaseGroups} needs of a log that has no fenced groups of its own: a small ordered store of strings with
 * transactions, shared by all processes that use the log. Keys are at most 512 characters of ASCII, values a few KiB.
 */
export interface GroupStore {
  /**
   * Runs `fn` once and alone: no transaction of any process comes between its reads and its writes. Resolves with its
   * answer when the writes are durable. When `fn` throws, nothing is written and it rejects with what was thrown.
   * Transactions of one process run in the order of the calls.
   */
  transact<T>(fn: (tx: GroupTransaction) => T): Promise<T>

  /** Runs `fn` on one consistent state, which is at least as new as every transaction that has resolved here. */
  read<T>(fn: (view: GroupView) => T): T

  /**
   * Calls `fn` some time after another process may have written; the answer ends it. A hint that may come too often or
   * not at all: without it, changes are seen at the next beat.
   */
  watch?(fn: () => void): () => void
}

export interface GroupView {
  get(key: string): string | undefined
  /** All entries whose key begins with `prefix`, in byte order of their keys. */
  range(prefix: string): Iterable<readonly [key: string, value: string]>
}

/** Reads see the writes made before in the same transaction. */
export interface GroupTransaction extends GroupView {
  put(key: string, value: string): void
  delete(key: string): void
}

/** What the groups ask about the log. Called within transactions, so the answers come at once. */
export interface GroupTopics {
  /** How many partitions the topic has; undefined for a topic that does not exist. */
  partitions(topic: string): number | undefined
  /** The end of the partition, at least as new as every acknowledged append. */
  end(tp: TopicPartition): Offset
}
