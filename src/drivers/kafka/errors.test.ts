import { MultipleErrors, NetworkError, ProtocolError, ResponseError } from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import {
  errorIds,
  isAuthentication,
  isAuthorization,
  isLeadershipMoved,
  isNetwork,
  isTopicUnknown,
  kafkaError,
  partialReply,
} from './errors.ts'

const attempt = { doing: 'append to orders/0', grant: 'Write on topic orders' }

/** As the client answers when one partition of several fails. */
const partial = (id: number): ResponseError =>
  new ResponseError(
    0,
    11,
    { '/responses/0/partition_responses/0': [id, 'in the broker’s words'] },
    { responses: [] },
  )

const refused = new MultipleErrors('Cannot connect to any broker.', [
  new NetworkError('Connection to a:1 failed.', {
    cause: Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:1'), { code: 'ECONNREFUSED' }),
  }),
  new NetworkError('Connection to b:1 failed.', {
    cause: Object.assign(new Error('getaddrinfo ENOTFOUND b'), { code: 'ENOTFOUND' }),
  }),
])

describe('errors of the client', () => {
  it('gives the ids of brokers, client and sockets, however deep they are nested', () => {
    expect(errorIds(refused)).toEqual(
      new Set(['PLT_KFK_MULTIPLE', 'PLT_KFK_NETWORK', 'ECONNREFUSED', 'ENOTFOUND']),
    )
    expect(errorIds(partial(6))).toContain('NOT_LEADER_OR_FOLLOWER')
    expect([...errorIds(undefined), ...errorIds('text')]).toEqual([])
    const loop = new Error('a loop')
    loop.cause = loop
    expect([...errorIds(loop)]).toEqual([])
  })

  it('keeps what a request that failed in part has answered', () => {
    expect(partialReply(partial(6))).toEqual({ responses: [] })
    expect(partialReply(refused)).toBeUndefined()
  })

  it('tells a broker that is away from a leader that moved, a login, a missing grant and a missing topic', () => {
    const kinds = (error: unknown): string[] =>
      Object.entries({
        isNetwork,
        isLeadershipMoved,
        isAuthentication,
        isAuthorization,
        isTopicUnknown,
      }).flatMap(([name, is]) => (is(error) ? [name] : []))
    expect(kinds(refused)).toEqual(['isNetwork'])
    expect(kinds(partial(6))).toEqual(['isLeadershipMoved'])
    expect(kinds(partial(29))).toEqual(['isAuthorization'])
    expect(kinds(partial(3))).toEqual(['isTopicUnknown'])
    // The client wraps a refused login into a network error.
    const login = new NetworkError('Connection to a:1 failed.', {
      cause: new ProtocolError(58, 'bad password'),
    })
    expect(kinds(login)).toEqual(['isAuthentication'])
  })

  it('says in plain words what was tried, what the broker said, and what to grant', () => {
    expect(kafkaError(partial(29), attempt)).toMatchObject({
      code: 'LOG_DENIED',
      detail:
        'cannot append to orders/0: the user may not; grant Write on topic orders (TOPIC_AUTHORIZATION_FAILED: in the broker’s words)',
    })
    expect(kafkaError(refused, attempt)).toMatchObject({
      code: 'LOG_STALLED',
      detail: 'cannot append to orders/0: connect ECONNREFUSED 10.0.0.1:1; getaddrinfo ENOTFOUND b',
    })
    expect(kafkaError(partial(3), attempt).code).toBe('LOG_TOPIC_UNKNOWN')
    const certificate = new NetworkError('Connection to a:1 failed.', {
      cause: Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    })
    expect(kafkaError(certificate, attempt)).toMatchObject({
      code: 'LOG_DENIED',
      detail: expect.stringContaining('do not agree on TLS') as string,
    })
  })
})
