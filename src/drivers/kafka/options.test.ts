import { describe, expect, it } from 'vitest'
import { resolveGroupOptions } from './groups/options.ts'
import { resolveKafkaOptions, type KafkaOptions } from './options.ts'

const brokers = ['kafka-1:9092', '10.0.0.2:9093', '[::1]:9094']

describe('options of Kafka', () => {
  it('have these defaults', () => {
    expect(resolveKafkaOptions({ brokers })).toEqual({
      connection: {
        brokers: [
          { host: 'kafka-1', port: 9092 },
          { host: '10.0.0.2', port: 9093 },
          { host: '::1', port: 9094 },
        ],
        clientId: 'holdfast',
        connectTimeoutMs: 2_000,
        tls: undefined,
        sasl: undefined,
      },
      replication: undefined,
      durability: 'single',
      compression: 'none',
      maxRecordBytes: 1_000_000,
      maxQueueBytes: 64 * 1024 * 1024,
      deliveryTimeoutMs: 10_000,
      requestTimeoutMs: 3_000,
      groups: resolveGroupOptions(),
    })
  })

  it('take brokers as an environment variable has them', () => {
    expect(resolveKafkaOptions({ brokers: 'a:1, b:2' }).connection.brokers).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ])
  })

  it('leave copies to the brokers, but for a quorum, and ask of fewer than three that one has a record', () => {
    const replication = (options: Partial<KafkaOptions>) =>
      resolveKafkaOptions({ brokers, ...options }).replication
    expect(replication({ durability: 'quorum' })).toEqual({ factor: 3, minInsync: 2 })
    expect(replication({ replication: { factor: 3 } })).toEqual({ factor: 3, minInsync: 2 })
    expect(replication({ replication: { factor: 2 } })).toEqual({ factor: 2, minInsync: 1 })
  })

  it('take TLS with or without a certificate of ours, and a login by name and password', () => {
    const { connection } = resolveKafkaOptions({
      brokers,
      tls: { ca: 'CA', cert: 'CERT', key: 'KEY', servername: undefined },
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    })
    expect(connection.tls).toEqual({ ca: 'CA', cert: 'CERT', key: 'KEY' })
    expect(connection.sasl).toEqual({ mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' })
    expect(resolveKafkaOptions({ brokers, tls: true }).connection.tls).toEqual({})
  })

  it.each<[string, KafkaOptions]>([
    ['brokers', { brokers: [] }],
    ['brokers', { brokers: '' }],
    ['brokers', { brokers: ['kafka-1'] }],
    ['brokers', { brokers: ['kafka-1:70000'] }],
    ['clientId', { brokers, clientId: 'a b' }],
    ['tls', { brokers, tls: { cert: 'CERT' } }],
    ['sasl.mechanism', { brokers, sasl: { mechanism: 'gssapi' as 'plain', username: 'u', password: 'p' } }],
    ['sasl.password', { brokers, sasl: { mechanism: 'plain', username: 'u', password: '' } }],
    ['sasl.token', { brokers, sasl: { mechanism: 'oauthbearer', token: '' } }],
    ['replication.minInsync', { brokers, replication: { factor: 1, minInsync: 2 } }],
    ['replication', { brokers, durability: 'quorum', replication: { factor: 2 } }],
    ['compression', { brokers, compression: 'brotli' as 'none' }],
    ['maxQueueBytes', { brokers, maxQueueBytes: 10 }],
    ['requestTimeout', { brokers, requestTimeout: '10ms' }],
  ])('refuse %s with the bound and what was given', (option, options) => {
    let thrown: unknown
    try {
      resolveKafkaOptions(options)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringMatching(new RegExp(`^kafka: ${option} must be .+, got `)) as string,
    })
  })
})
