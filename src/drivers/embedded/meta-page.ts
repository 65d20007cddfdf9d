import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * Looks at the file of an environment without mapping it, and says what is wrong with it; undefined when nothing is, or
 * when there is no file yet.
 *
 * Two things that LMDB does not look at itself. A file that ends too early: touching a mapped page behind its end kills
 * the process with SIGBUS, before anything could be said. And which state is the newest: LMDB has two meta pages, takes
 * the older one when the newer is damaged, and so forgets the last commit without a word.
 */
export function problemOfFile(file: string): string | undefined {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    // Another process may be writing just now, and what is read is then of two states: only what stays is a problem.
    let problem = problemNow(fd)
    for (let again = 0; again < 100 && problem !== undefined; again++) problem = problemNow(fd)
    return problem === undefined ? undefined : `${file} ${problem}`
  } finally {
    closeSync(fd)
  }
}

function problemNow(fd: number): string | undefined {
  const bytes = fstatSync(fd).size
  if (bytes === 0) return undefined
  const first = readMeta(fd, 0)
  if (first === undefined) return 'does not begin as LMDB writes it'
  const second = readMeta(fd, first.pageSize)
  if (second === undefined) return 'has a damaged second meta page: the last commit may be forgotten'
  const [newest, older] = first.transaction > second.transaction ? [first, second] : [second, first]
  const needed = (Number(newest.lastPage) + 1) * newest.pageSize
  if (bytes < needed) return `has ${bytes} bytes and needs ${needed}: its end is missing`
  if (newest.transaction === 0n) return undefined // made, and never written to
  if (newest.transaction !== older.transaction + 1n) {
    return `has meta pages of the commits ${older.transaction} and ${newest.transaction}, which do not follow each other`
  }
  if (rootOf(fd, newest) !== newest.transaction) {
    return `has no root of commit ${newest.transaction} where its meta page says`
  }
  // The older state is whole as well until the next commit. When LMDB could not write a meta page it leaves the older
  // number with the root of the commit that failed, two further on; that is no damage. (The newest number with just its
  // second bit flipped looks the same, and is the one bit here that is not noticed.)
  const root = older.transaction === 0n ? 0n : rootOf(fd, older)
  if (root === older.transaction || root === older.transaction + 2n) return undefined
  return `has no root of commit ${older.transaction} where its meta page says`
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: bigint
  readonly root: bigint
  /** Commits are numbered; the two meta pages take turns. */
  readonly transaction: bigint
}

/** Layout of LMDB's data version 2 on 64-bit machines, little-endian as all that Node runs on. */
function readMeta(fd: number, at: number): Meta | undefined {
  const page = Buffer.alloc(META_BYTES)
  if (readSync(fd, page, 0, META_BYTES, at) < META_BYTES) return undefined
  if (page.readUInt32LE(24) !== MAGIC || (page.readUInt32LE(28) & 0xffff) !== DATA_VERSION) return undefined
  if ((page.readUInt16LE(18) & PAGE_META) === 0) return undefined
  const pageSize = page.readUInt32LE(48)
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined
  return {
    pageSize,
    root: page.readBigUInt64LE(136),
    lastPage: page.readBigUInt64LE(144),
    transaction: page.readBigUInt64LE(152),
  }
}

/** The commit that wrote this root: every commit writes a root anew, with its number. */
function rootOf(fd: number, { root, pageSize }: Meta): bigint | undefined {
  const page = Buffer.alloc(PAGE_HEADER_BYTES)
  const at = Number(root) * pageSize
  if (!Number.isSafeInteger(at) || readSync(fd, page, 0, page.length, at) < page.length) return undefined
  return page.readBigUInt64LE(0) === root ? page.readBigUInt64LE(8) : undefined
}

const META_BYTES = 168
const PAGE_HEADER_BYTES = 24
const PAGE_META = 0x08
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
