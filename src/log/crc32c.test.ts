import { expect, it } from 'vitest'
import { crc32c } from './crc32c.ts'

const bytes = (length: number, at: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => at(i))

it('gives the sums of RFC 3720, appendix B.4', () => {
  expect(crc32c(bytes(32, () => 0))).toBe(0x8a9136aa)
  expect(crc32c(bytes(32, () => 0xff))).toBe(0x62a8ab43)
  expect(crc32c(bytes(32, i => i))).toBe(0x46dd794e)
  expect(crc32c(bytes(32, i => 31 - i))).toBe(0x113fdb5c)
  const scsiRead =
    '01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000000000'
  expect(crc32c(Buffer.from(scsiRead.slice(0, 96), 'hex'))).toBe(0xd9963a56)
})

it('gives the same for every length and every cut as for one byte after the other', () => {
  const text = Buffer.from('the quick brown fox jumps over the lazy dog, twice')
  for (let end = 0; end <= text.length; end++) {
    const slow = text.subarray(0, end).reduce((crc, byte) => crc32c(Uint8Array.of(byte), crc), 0)
    for (let cut = 0; cut <= end; cut += 7) {
      expect(crc32c(text.subarray(cut, end), crc32c(text.subarray(0, cut)))).toBe(slow)
    }
  }
})
