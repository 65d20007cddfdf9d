import { hash } from 'node:crypto'

/** 32 bytes. By way of a string: for a buffer Node asks the system for memory, which takes longer than the hash. */
export function sha256(bytes: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1')
}
