import { openSync, readSync, writeSync } from 'node:fs'
import { HoldfastError } from '../../event/index.ts'

/**
 * Puts right the number of the last transaction in LMDB's lock file. Called by whoever is in a transaction, and has
 * seen that its own number does not follow that of the newest meta page.
 *
 * Every process that opens the environment writes that number to the lock file, as it read it from the meta pages a moment
 * before, and without LMDB's lock (`mdb_env_open2`):
 *
 * 1. A opens the environment, and reads that 7 was the last.
 * 2. B commits 8.
 * 3. A writes 7 to the lock file.
 * 4. The next transaction begins as 8, from the state of 7: what B was told is durable is gone. After two commits in 2
 *    it would meet pages newer than itself and fail, as every one after it would.
 *
 * So each transaction looks before it does anything, and one that is wrong ends without having done anything. From 1 to 3
 * it is some microseconds, unless A has to wait there for a processor: it was met on a busy machine, and an open under
 * strace shows it at will. Until the next transaction, readers may see the state of 7.
 *
 * @param lockFile of the environment
 * @param given what LMDB took for the last number
 * @param last the number in the newest meta page
 */
export function putRight(lockFile: string, given: number, last: number): void {
  const file = opened(lockFile)
  const head = Buffer.alloc(NUMBER_AT + 8)
  readSync(file, head, 0, head.length, 0)
  const found = head.readBigUInt64LE(NUMBER_AT)
  if (head.readUInt32LE(0) !== MAGIC || found !== BigInt(given))
    throw new HoldfastError('LOG_FAILED', {
      detail: `the lock file ${lockFile} has ${found} where LMDB has found ${given}, and ${last} was the last transaction`,
    })
  head.writeBigUInt64LE(BigInt(last), NUMBER_AT)
  writeSync(file, head, NUMBER_AT, 8, NUMBER_AT)
}

/** `MDB_txninfo` of LMDB: magic, format, number of the last transaction. */
const MAGIC = 0xbeefc0de
const NUMBER_AT = 8

/**
 * Never closed: with any descriptor of a file a process also gives up the locks that it has on it by others, and by
 * these LMDB knows who has the environment open.
 */
const descriptors = new Map<string, number>()

function opened(lockFile: string): number {
  const known = descriptors.get(lockFile) ?? openSync(lockFile, 'r+')
  descriptors.set(lockFile, known)
  return known
}
