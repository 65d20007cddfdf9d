import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * What LMDB's two meta pages say about the file, read without mapping it: touching a mapped page behind the end of the
 * file kills the process with SIGBUS, before anything could be said. Undefined for a file that is empty or not there.
 */
export interface MetaFacts {
  readonly fileBytes: number
  /**
   * Where the last page in use ends. The file may rightly be shorter, when those at its end were given back in the
   * transaction that took them and never written.
   */
  readonly neededBytes: number
  /** Whether at least one meta page is what LMDB writes. */
  readonly valid: boolean
}

export function readMetaPages(file: string): MetaFacts | undefined {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const fileBytes = fstatSync(fd).size
    if (fileBytes === 0) return undefined
    const first = readMeta(fd, 0)
    // The second meta page begins where the first says that pages end; LMDB's default is the page of the system.
    const second = readMeta(fd, first?.pageSize ?? 4096)
    const newest = [first, second]
      .filter(meta => meta !== undefined)
      .toSorted((a, b) => Number(b.transaction - a.transaction))[0]
    return {
      fileBytes,
      neededBytes: newest === undefined ? 0 : (Number(newest.lastPage) + 1) * newest.pageSize,
      valid: newest !== undefined,
    }
  } finally {
    closeSync(fd)
  }
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

/** Layout of LMDB's data version 2 on 64-bit machines, in their own byte order. */
function readMeta(fd: number, at: number): Meta | undefined {
  const page = Buffer.alloc(META_BYTES)
  if (readSync(fd, page, 0, META_BYTES, at) < META_BYTES) return undefined
  if (page.readUInt32LE(24) !== MAGIC || (page.readUInt32LE(28) & 0xffff) !== DATA_VERSION) return undefined
  const pageSize = page.readUInt32LE(48)
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined
  return { pageSize, lastPage: page.readBigUInt64LE(144), transaction: page.readBigUInt64LE(152) }
}

const META_BYTES = 168
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
