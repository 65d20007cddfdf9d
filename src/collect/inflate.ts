import { createGunzip, createInflate } from 'node:zlib'
import { RequestRefused } from './problems.ts'

export type ContentEncoding = 'identity' | 'gzip' | 'deflate'

/** So much may always come out, whatever went in: small bodies of one repeated character are no bombs. */
const FREE_BYTES = 64 * 1024

/**
 * Unpacks a body as it comes and stops within it when more comes out than `maxBytes`, or than `maxRatio` times what
 * went in: 165 bytes can hold 100 MB.
 */
export function inflater(
  encoding: Exclude<ContentEncoding, 'identity'>,
  maxBytes: number,
  maxRatio: number,
  onBytes: (bytes: Uint8Array) => void | Promise<void>,
): {
  /** Resolves when the chunk is unpacked and what came out was taken. */
  write(chunk: Uint8Array): Promise<void>
  /** Resolves when the stream was whole. */
  end(): Promise<void>
  close(): void
} {
  const engine = encoding === 'gzip' ? createGunzip() : createInflate()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {}) // looked at by whoever waits for a write
  const fail = (error: unknown): void => {
    failed.reject(error)
    engine.destroy()
  }
  let out = 0
  let taking: Promise<void> = Promise.resolve()
  engine.on('data', (bytes: Buffer) => {
    out += bytes.length
    // `bytesWritten` is what the engine has read so far, not what was handed to it.
    if (out > maxBytes || (out > FREE_BYTES && out > maxRatio * engine.bytesWritten)) {
      return fail(bomb(out > maxBytes ? maxBytes : maxRatio, out > maxBytes))
    }
    try {
      const work = onBytes(bytes)
      if (!work) return
      engine.pause()
      taking = taking.then(() => work).then(() => void engine.resume())
      taking.catch(fail)
    } catch (error) {
      fail(error)
    }
  })
  const ended = new Promise<void>(resolve => engine.once('end', resolve))
  engine.on('error', (cause: Error) => {
    failed.reject(new RequestRefused({ code: 'encoding_broken', detail: `${encoding}: ${cause.message}` }))
  })
  return {
    async write(chunk) {
      const written = new Promise<void>(resolve => engine.write(chunk, () => resolve()))
      await Promise.race([written, failed.promise])
      await Promise.race([taking, failed.promise])
    },
    async end() {
      engine.end()
      await Promise.race([ended, failed.promise])
      await Promise.race([taking, failed.promise])
    },
    close: () => void engine.destroy(),
  }
}

function bomb(limit: number, bySize: boolean): RequestRefused {
  const detail = bySize
    ? `the body unpacks to more than ${limit} bytes`
    : `the body unpacks to more than ${limit} times its size`
  return new RequestRefused({ code: 'inflate_limit', detail, limit })
}
