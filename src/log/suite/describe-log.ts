import { describe, expect, it } from 'vitest'
import type { Features } from '../port.ts'
import { suiteSettings, type LogPromise, type MakeLog } from './harness.ts'
import { appendPromises } from './promises/append.ts'
import { dedupPromises } from './promises/dedup.ts'
import { deletionPromises } from './promises/deletion.ts'
import { findPromises } from './promises/find.ts'
import { groupPromises } from './promises/groups.ts'
import { importPromises } from './promises/imports.ts'
import { lifecyclePromises } from './promises/lifecycle.ts'
import { positionPromises } from './promises/positions.ts'
import { readPromises } from './promises/read.ts'
import { retentionPromises } from './promises/retention.ts'
import { topicPromises } from './promises/topics.ts'
import { World } from './world.ts'

/** Every promise of the port, by chapter. */
export const logPromises: Readonly<Record<string, readonly LogPromise[]>> = {
  append: appendPromises,
  read: readPromises,
  topics: topicPromises,
  deduplication: dedupPromises,
  retention: retentionPromises,
  deletion: deletionPromises,
  'finding ids': findPromises,
  'records of another log': importPromises,
  groups: groupPromises,
  positions: positionPromises,
  'open and close': lifecyclePromises,
}

/**
 * Runs every promise of the log port against a driver. `features` is what the driver is known to do: a promise that
 * needs more is left out, and the reason is printed and compared with what the driver says itself.
 */
export function describeLog(name: string, features: Features, makeLog: MakeLog): void {
  describe(`${name} keeps the promises of the log port`, () => {
    it('says what it can do', async () => {
      const world = new World(await makeLog(suiteSettings), suiteSettings)
      try {
        await world.open()
        expect(world.system.features).toEqual(features)
        expect(world.log.kind).not.toBe('')
        expect(typeof world.log.enforceRetention).toBe(features.retains === true ? 'function' : 'undefined')
        expect(typeof world.system.findId).toBe(features.findsIds === true ? 'function' : 'undefined')
        expect(typeof world.system.imports).toBe(features.imports === true ? 'object' : 'undefined')
      } finally {
        await world.dispose()
      }
    })
    for (const [feature, supported] of Object.entries(features) as [
      keyof Features,
      Features[keyof Features],
    ][]) {
      if (supported !== true)
        it(`not ${feature}: ${supported.reason}`, () => expect(supported.reason).not.toBe(''))
    }
    for (const [chapter, promises] of Object.entries(logPromises)) {
      const met = promises.filter(promise => isMet(promise, features))
      if (met.length === 0) continue // its feature is among those that are printed with their reasons
      describe(chapter, () => {
        for (const promise of met) it(promise.promise, () => keepPromise(promise, makeLog))
      })
    }
  })
}

/** Runs one promise on a log of its own. Rejects when it is broken. */
export async function keepPromise(
  promise: LogPromise,
  makeLog: MakeLog,
  { patienceMs = suiteSettings.patienceMs }: { readonly patienceMs?: number } = {},
): Promise<void> {
  const settings = { ...suiteSettings, patienceMs, ...promise.settings }
  const world = new World(await makeLog(settings), settings)
  try {
    await world.open()
    await promise.keeps(world)
  } finally {
    await world.dispose()
  }
}

function isMet({ needs = [] }: LogPromise, features: Features): boolean {
  return needs.every(feature => features[feature] === true)
}
