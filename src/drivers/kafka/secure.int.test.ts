import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { noSecureKafka, secureKafka } from '../../../test/secure-kafka.ts'
import { isHoldfastError, offset, silentLogger, systemClock, systemRandom } from '../../event/index.ts'
import { pages, type Member, type OwnedPartition } from '../../log/index.ts'
import { openKafka, type KafkaSystem } from './kafka.ts'
import { resolveKafkaOptions, type KafkaOptions, type KafkaSasl } from './options.ts'

describe.skipIf(noSecureKafka)('a Kafka with TLS, logins and ACLs', () => {
  it('takes who can prove who they are and may, and says to everybody else in plain words what is wrong', async () => {
    const kafka = await secureKafka()
    await kafka.ask(admin => admin.createTopics({ topics: ['moves'], partitions: 1, replicas: 1 }))
    const write = ['Describe', 'DescribeConfigs', 'Write'].flatMap(each => ['--operation', each])
    await kafka.allow(['ada', 'carl'], ...write, '--topic', 'moves')
    await kafka.allow(['ada'], '--consumer', '--topic', 'moves', '--group', 'readers')
    const tls = { ca: kafka.ca }
    const login = (
      mechanism: Exclude<KafkaSasl['mechanism'], 'oauthbearer'>,
      username: 'ada' | 'bob',
      password?: string,
    ): Wishes => ({
      brokers: [kafka.sasl],
      tls,
      sasl: { mechanism, username, password: password ?? kafka.users[username] ?? '' },
    })

    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const)
      expect(await appending(login(mechanism, 'ada'))).toBe('appended')
    expect(await appending({ brokers: [kafka.mutual], tls: { ...tls, ...kafka.carl } })).toBe('appended')

    const refused = {
      'no right': await appending(login('scram-sha-512', 'bob')),
      'wrong password, PLAIN': await appending(login('plain', 'ada', 'wrong')),
      'wrong password, SCRAM': await appending(login('scram-sha-256', 'ada', 'wrong')),
      'no login': await appending({ brokers: [kafka.sasl], tls }),
      'an authority that the broker is not from': await appending({
        ...login('plain', 'ada'),
        tls: { ca: kafka.foreignCa },
      }),
      'no certificate': await appending({ brokers: [kafka.mutual], tls }),
      'no TLS': await appending({ ...login('plain', 'ada'), tls: false }),
    }
    const text = (pattern: RegExp): string => expect.stringMatching(pattern) as string
    expect(refused).toEqual({
      'no right': text(/^LOG_DENIED: .*the user may not; grant Describe on topic moves/),
      'wrong password, PLAIN': text(/^LOG_DENIED: .*refuse the login.*Invalid username or password/),
      'wrong password, SCRAM': text(/^LOG_DENIED: .*refuse the login.*SCRAM-SHA-256/),
      'no login': text(/^LOG_STALLED: .*the broker wants TLS, a login or a certificate/),
      'an authority that the broker is not from': text(/^LOG_DENIED: .*TLS \(unable to verify/),
      'no certificate': text(/the broker wants TLS, a login or a certificate|certificate required/),
      'no TLS': text(/the broker wants TLS, a login or a certificate/),
    })

    // Groups: a partition and a position for who may, a sentence for who may not.
    const { groups } = await open(login('scram-sha-512', 'ada'))
    const owned = Promise.withResolvers<OwnedPartition>()
    const member: Member = {
      name: 'ada',
      assigned: ([one]) => one && owned.resolve(one),
      revoking: async () => {},
      lost: () => {},
    }
    const membership = await groups.join('readers', ['moves'], member)
    const commit = { ...(await owned.promise), offset: offset(1), note: 'as far as this' }
    expect(await groups.commit('readers', [commit])).toEqual([{ kind: 'committed' }])
    await membership.leave()
    expect(await groups.committed('readers')).toMatchObject([{ offset: offset(1), note: 'as far as this' }])
    expect(await endOf(groups.join('strangers', ['moves'], member))).toMatch(
      /^LOG_DENIED: .*grant .* group strangers/i,
    )
  }, 300_000)

  it('takes a token, asks for a new one before the session ends, and neither loses nor doubles what is sent meanwhile', async () => {
    const kafka = await secureKafka()
    await kafka.ask(admin => admin.createTopics({ topics: ['moves'], partitions: 1, replicas: 1 }))
    const rights = ['Describe', 'DescribeConfigs', 'Write', 'Read'].flatMap(each => ['--operation', each])
    await kafka.allow(['ada'], ...rights, '--topic', 'moves')
    const as = (token: KafkaToken): Wishes => ({
      brokers: [kafka.sasl],
      tls: { ca: kafka.ca },
      sasl: { mechanism: 'oauthbearer', token },
    })
    let asked = 0
    // Some time between the two requests of a login, in which others are sent.
    const provider = async (): Promise<string> => (asked++, await wait(20), tokenOf('ada'))
    const { log } = await open(as(provider))
    const sent: string[] = []
    while (asked < 10) {
      const batch = Array.from({ length: 20 }, (_, i) => String(sent.length + i))
      sent.push(...batch)
      await Promise.all(batch.map(each => log.append('moves', [{ value: Buffer.from(each), headers: {} }])))
    }
    const place = { topic: 'moves', partition: 0 }
    const { end } = await log.bounds(place)
    const stored: string[] = []
    const limits = { end, maxRecords: 1_000, maxBytes: 2 ** 20 }
    for await (const { records } of pages(log, { ...place, offset: offset(0) }, limits, AbortSignal.any([])))
      stored.push(...records.map(({ value }) => Buffer.from(value ?? []).toString()))
    expect(stored).toEqual(sent)

    expect(await appending(as(tokenOf('bob')))).toMatch(/^LOG_DENIED: .*the user may not; grant/)
    expect(await appending(as('no token'))).toMatch(/^LOG_DENIED: .*refuse the login/)
    const failing = as(() => Promise.reject(new Error('the provider is away')))
    expect(await appending(failing)).toMatch(/^LOG_DENIED: .*refuse the login.*the provider is away/)
  }, 300_000)
})

type KafkaToken = Extract<KafkaSasl, { mechanism: 'oauthbearer' }>['token']

/** A JSON Web Token that nobody has signed, as brokers for development take it. */
function tokenOf(sub: string): string {
  const now = Math.floor(Date.now() / 1_000)
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub, iat: now, exp: now + 3_600 })}.`
}

type Wishes = Pick<KafkaOptions, 'brokers' | 'tls' | 'sasl'>

async function open(wishes: Wishes): Promise<KafkaSystem> {
  const options = resolveKafkaOptions({ ...wishes, replication: { factor: 1 }, deliveryTimeout: '5s' })
  const system = await openKafka(options, {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
  onTestFinished(() => system.close())
  return system
}

/** What became of an append: `appended`, or code and words of why not. */
async function appending(wishes: Wishes): Promise<string> {
  const { log } = await open(wishes)
  const record = { key: 'ada', value: Buffer.from('{}'), headers: {} }
  return await endOf(log.append('moves', [record]).then(([outcome]) => outcome?.kind))
}

/** What a promise came to: its value, or code and words of its error. */
function endOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(String, (error: unknown) =>
    isHoldfastError(error) ? `${error.code}: ${error.message}` : String(error),
  )
}
