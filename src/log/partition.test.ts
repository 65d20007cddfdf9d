import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { javaKeys } from '../../test/harness/java-keys.ts'
import { isHoldfastError } from '../event/index.ts'
import { murmur2, partitioner, partitionOfKey } from './partition.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Of what `test/java/Partitions.java` prints, with the jars of Kafka 4.1.0; the test of the Kafka driver runs it again. */
const OF_JAVA = 'a950a83a053f950f225a83d29abfd4d8b772bd97d027bb29b598796649853a79'

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

describe('hazard 30: murmur2', () => {
  // The first six are of the Java client's own test (UtilsTest.testMurmur2), the others what other clients pin to it.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
    ['', 275646681],
    ['42', 417700972],
    ['1:42', -1141388408],
    ['hello', 2132663229],
    ['test-key', -1341026247],
  ])('hashes %j as the Java client does', (key, hash) => {
    expect(murmur2(bytes(key))).toBe(hash)
  })

  it('puts 10,000 keys where the Java client puts them', () => {
    const lines = javaKeys.map(key => `${murmur2(bytes(key))} ${partitionOfKey(key, 12)}\n`).join('')
    expect(sha256(bytes(lines))).toBe(OF_JAVA)
  })

  it('makes the hash positive by its low 31 bits, not by its absolute value', () => {
    expect(partitionOfKey('21', 1000)).toBe((-973932308 & 0x7fffffff) % 1000)
    expect(partitionOfKey('21', 1000)).not.toBe(973932308 % 1000)
  })

  it('hashes the UTF-8 bytes of a key', () => {
    expect(partitionOfKey('schlüssel-🔑', 1 << 20)).toBe(
      (murmur2(bytes('schlüssel-🔑')) & 0x7fffffff) % (1 << 20),
    )
  })
})

describe('partitioner', () => {
  it('puts records without a key into the partitions in turn', () => {
    const choose = partitioner('t')
    expect([1, 2, 3, 4, 5].map(() => choose({}, 3))).toEqual([0, 1, 2, 0, 1])
  })

  it('lets the record name its partition, whatever its key', () => {
    expect(partitioner('t')({ key: 'abc', partition: 2 }, 3)).toBe(2)
  })

  it('takes an empty key for a key', () => {
    const choose = partitioner('t')
    expect(new Set([1, 2, 3].map(() => choose({ key: '' }, 64))).size).toBe(1)
  })

  it.each([-1, 3, 1.5, Number.NaN])('refuses partition %s of 3', partition => {
    let thrown: unknown
    try {
      partitioner('t')({ partition }, 3)
    } catch (error) {
      thrown = error
    }
    expect(isHoldfastError(thrown, 'CONFIG_INVALID')).toBe(true)
    expect((thrown as Error).message).toContain(`got ${partition}`)
  })
})
