import { HoldfastError } from '../../event/index.ts'
import { crc32c } from '../../log/index.ts'

/** A row of the log with its checksum in front: LMDB has none of its own. `what` names the row in errors. */
export function sealRow(key: Uint8Array, body: Uint8Array): Buffer {
  const row = Buffer.allocUnsafe(4 + body.length)
  row.set(body, 4)
  row.writeUInt32BE(crc32c(body, crc32c(key)), 0)
  return row
}

/** Throws `LOG_CORRUPT` unless this is what was sealed under this key. */
export function openRow(what: string, key: Uint8Array, row: Uint8Array): Buffer {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  if (bytes.length < 4 || bytes.readUInt32BE(0) !== crc32c(bytes.subarray(4), crc32c(key))) {
    throw new HoldfastError('LOG_CORRUPT', {
      detail: `the checksum of ${what} does not match`,
      facts: { what },
    })
  }
  return bytes.subarray(4)
}
