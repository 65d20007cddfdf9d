import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Makes the names in a folder durable: a synced file whose name was not is gone after a power cut. */
export function syncFolder(folder: string): void {
  syncFile(folder)
}

/** Makes the content of a file durable. */
export function syncFile(file: string): void {
  const fd = openSync(file, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
