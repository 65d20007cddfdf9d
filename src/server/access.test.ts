import { describe, expect, it } from 'vitest'
import { authenticator, tokensFrom } from './access.ts'

const tokens = tokensFrom('grafana:viewer:3q9hQ0bUZt7cV1xW, ada:operator:Jm2d:k8rLw5sTn4e')

describe('tokens of the admin side', () => {
  it('come from the environment as name, role and token', () => {
    expect(tokens).toEqual([
      { name: 'grafana', role: 'viewer', token: '3q9hQ0bUZt7cV1xW' },
      { name: 'ada', role: 'operator', token: 'Jm2d:k8rLw5sTn4e' },
    ])
    expect(tokensFrom(undefined)).toEqual([])
    for (const wrong of ['ada', 'ada:boss:0123456789abcdef', 'ada:0123456789abcdef'])
      expect(() => tokensFrom(wrong)).toThrow('HOLDFAST_ADMIN_TOKENS must be')
  })

  it('are refused when they are short, or their name or role cannot be', () => {
    const one = { name: 'ada', role: 'viewer', token: '0123456789abcdef' } as const
    expect(() => authenticator([{ ...one, token: 'short' }])).toThrow('16 characters')
    expect(() => authenticator([{ ...one, name: 'a b' }])).toThrow('characters')
    expect(() => authenticator([{ ...one, role: 'boss' as 'viewer' }])).toThrow('viewer, operator or admin')
  })

  it('say who asks, as a bearer or as the password of a browser, and nobody else is anybody', () => {
    const authenticate = authenticator(tokens)
    const ada = { name: 'ada', role: 'operator' }
    expect(authenticate('Bearer Jm2d:k8rLw5sTn4e')).toEqual(ada)
    expect(authenticate('bearer Jm2d:k8rLw5sTn4e')).toEqual(ada)
    expect(authenticate(`Basic ${btoa('whoever:Jm2d:k8rLw5sTn4e')}`)).toEqual(ada)
    for (const wrong of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer Jm2d:k8rLw5sTn4',
      'Jm2d:k8rLw5sTn4e',
      `Basic ${btoa('Jm2d:k8rLw5sTn4e')}`,
      'Digest Jm2d:k8rLw5sTn4e',
    ])
      expect(authenticate(wrong), String(wrong)).toBeUndefined()
  })
})
