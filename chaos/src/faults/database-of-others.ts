import { serverVersion, type FaultedDatabase } from './database.ts'

/** A database that is only read: nothing is made in it, and no fault of ours hits it. */
export async function databaseOfOthers(url: string): Promise<FaultedDatabase> {
  const refuse = (): Promise<never> => Promise.reject(new Error('nothing is done to a database of others'))
  return {
    version: await serverVersion(url),
    create: async () => ({ url, direct: url }),
    begin: refuse,
    end: refuse,
    stop: async () => {},
  }
}
