import { expect, it } from 'vitest'
import { silentLogger } from '../event/index.ts'
import { Troubles } from './troubles.ts'

it('says once that something fails for many, and once that it works again for all', () => {
  const said: string[] = []
  const say = (_: object, text: string): void => void said.push(text)
  const troubles = new Troubles('g', { ...silentLogger, info: say, warn: say })
  const [a, b] = [{}, {}]
  for (let i = 0; i < 3; i++) for (const who of [a, b]) troubles.met('reading failed', who, {})
  troubles.met('a commit failed', a, {})
  troubles.over('reading failed', a)
  troubles.over('reading failed', a)
  expect(said).toEqual(['reading failed; trying again', 'a commit failed; trying again'])

  troubles.over('reading failed', b)
  expect(said.slice(2)).toEqual(['over: reading failed'])

  // Whose partition went to somebody else never says that it works again.
  troubles.givenUp(a)
  troubles.met('a commit failed', b, {})
  expect(said.slice(3)).toEqual(['a commit failed; trying again'])
})
