import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** How much room the disk of the log has, and a file kept in reserve for when it has none. */
export interface DiskSpace {
  /** Below this, appends are refused. */
  readonly minFreeBytes: number
  freeBytes(): number
  /** Gives the reserve back to the disk when it has less than this left. */
  makeRoomFor(bytes: number): void
  /** Makes the reserve again when there is room for it. */
  restore(): void
}

/**
 * The reserve is a file of real bytes beside the log. Retention and commits of groups write too, if only a little; on a
 * disk that others have filled to the last byte they could not, and nothing would ever free it.
 */
export function diskSpace(
  reserveFile: string,
  sizes: { minFreeBytes: number; reserveBytes: number },
): DiskSpace {
  const { minFreeBytes, reserveBytes } = sizes
  const folder = dirname(reserveFile)
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  return {
    minFreeBytes,
    freeBytes,
    makeRoomFor(bytes) {
      if (freeBytes() < bytes * 2 + SLACK_BYTES) rmSync(reserveFile, { force: true })
    },
    restore() {
      const has = statSync(reserveFile, { throwIfNoEntry: false })?.size ?? 0
      if (has >= reserveBytes || freeBytes() < minFreeBytes + reserveBytes * 2) return
      fill(reserveFile, reserveBytes)
    },
  }
}

const SLACK_BYTES = 256 * 1024
const BLOCK = Buffer.alloc(64 * 1024, 0x52)

/** Real bytes, not a hole: a hole holds no room. */
function fill(file: string, bytes: number): void {
  const fd = openSync(file, 'w', 0o600)
  try {
    for (let at = 0; at < bytes;) at += writeSync(fd, BLOCK, 0, Math.min(BLOCK.length, bytes - at), at)
    fsyncSync(fd)
  } catch {
    rmSync(file, { force: true }) // somebody else took the room meanwhile: tried again at the next restore
  } finally {
    closeSync(fd)
  }
}
