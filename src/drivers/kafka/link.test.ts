import { readFileSync } from 'node:fs'
import * as client from '@platformatic/kafka'
import { describe, expect, it } from 'vitest'
import { errorIds } from './errors.ts'
import { Link, linkMaker, requestKeys, type RequestName } from './link.ts'
import { resolveKafkaOptions } from './options.ts'

/**
 * What is used of the package beyond its documentation. When this fails after an upgrade, link.ts is the one file to
 * change; docs/decisions/kafka.md says what else there is.
 */
describe('the contract with the client package', () => {
  it('is with the version that is pinned, here and for whoever installs it beside us', async () => {
    const ours = manifest('../../../package.json')
    const installed = manifest('../../../node_modules/@platformatic/kafka/package.json')
    expect(ours.peerDependencies['@platformatic/kafka']).toBe(installed.version)
    const missing = linkMaker(resolveKafkaOptions({ brokers: ['b:1'] }).connection, () =>
      Promise.reject(new Error('planted: not installed')),
    )
    await expect(missing).rejects.toMatchObject({
      code: 'LOG_PACKAGE_MISSING',
      detail: `npm install @platformatic/kafka@${installed.version}`,
    })
  })

  it('has the two symbols by which typed requests are reached, as methods of Base', () => {
    const { Base, kGetApi, kGetConnection } = client
    for (const symbol of [kGetApi, kGetConnection]) {
      expect(typeof symbol).toBe('symbol')
      expect(typeof (Base.prototype as unknown as Record<symbol, unknown>)[symbol]).toBe('function')
    }
  })

  it('knows every request that is sent, under its key of the protocol and in the newest version that is typed', () => {
    for (const [name, key] of Object.entries(requestKeys) as [RequestName, number][]) {
      const versions = Object.entries(client).filter(([exported]) =>
        new RegExp(`^${name.charAt(0).toLowerCase()}${name.slice(1)}V\\d+$`).test(exported),
      )
      expect(versions.length, name).toBeGreaterThan(0)
      for (const [exported, version] of versions) {
        const { api } = version as {
          readonly api: { readonly key: number; readonly version: number; async: unknown }
        }
        expect({ exported, key: api.key }).toEqual({ exported, key })
        expect(exported).toBe(`${exported.replace(/\d+$/, '')}${api.version}`)
        expect(typeof api.async).toBe('function')
      }
    }
  })

  it('answers a question to a broker that is not there with the error of the socket', async () => {
    const { connection } = resolveKafkaOptions({ brokers: ['127.0.0.1:1'] })
    const link = new Link(client, connection, { requestTimeoutMs: 1_000 })
    const asked = link.call({ host: '127.0.0.1', port: 1 }, 'Metadata', null)
    const ids = await asked.then(() => new Set(), errorIds)
    expect([...ids]).toEqual(expect.arrayContaining(['PLT_KFK_NETWORK', 'ECONNREFUSED']))
    await link.close()
    await link.close()
  })
})

function manifest(path: string): { version: string; peerDependencies: Record<string, string> } {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as never
}
