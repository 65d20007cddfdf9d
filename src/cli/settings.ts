import { tokensFrom } from '../server/access.ts'
import { PORT_RULE, portIn } from '../server/port-setting.ts'
import type { Origin } from './target/target.ts'

/** One variable of the environment that commands and `npm start` heed. */
export interface Setting {
  readonly name: string
  readonly about: string
  readonly preset: string | undefined
  /** Never printed. */
  readonly isSecret?: true
  /** Throws for a value that cannot work. */
  readonly check?: (text: string) => void
}

const port = (text: string): void => {
  if (portIn(text) === undefined) throw new Error(PORT_RULE)
}

const url = (text: string): void => {
  if (!URL.canParse(text)) throw new Error('must be a URL')
}

export const settings: readonly Setting[] = [
  { name: 'HOLDFAST_DATA', about: 'the folder of the log and of a local PostgreSQL', preset: '.holdfast' },
  { name: 'HOLDFAST_PORT', about: 'port of the collector', preset: '4300', check: port },
  { name: 'HOLDFAST_ADMIN_PORT', about: 'port of the admin side', preset: '4310', check: port },
  { name: 'HOLDFAST_ADMIN_HOST', about: 'where the admin side listens', preset: '127.0.0.1' },
  {
    name: 'HOLDFAST_ADMIN_TOKENS',
    about: 'who may use the admin side: name:viewer|operator|admin:token,…',
    preset: undefined,
    isSecret: true,
    check: tokensFrom,
  },
  {
    name: 'HOLDFAST_APP',
    about: 'a module whose default export is the app whose log commands open',
    preset: undefined,
  },
  { name: 'HOLDFAST_URL', about: 'the admin side that commands ask', preset: undefined, check: url },
  { name: 'HOLDFAST_TOKEN', about: 'the token that commands show there', preset: undefined, isSecret: true },
  { name: 'DATABASE_URL', about: 'PostgreSQL', preset: undefined, isSecret: true, check: url },
]

/** A setting as it is now. */
export interface SettingNow {
  readonly name: string
  /** `(set)` for a secret. Null where there is none. */
  readonly value: string | null
  readonly origin: Origin
  readonly about: string
}

export function settingsNow(env: Readonly<Record<string, string | undefined>>): readonly SettingNow[] {
  return settings.map(({ name, about, preset, isSecret }) => {
    const given = env[name]
    if (given === undefined || given === '') return { name, value: preset ?? null, origin: 'default', about }
    return { name, value: isSecret ? '(set)' : given, origin: 'environment', about }
  })
}

/** What cannot work, and what begins with `HOLDFAST_` and is not known: most often a typing error. */
export function wrongSettings(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = new Set(settings.map(({ name }) => name))
  const unknown = Object.keys(env).filter(name => name.startsWith('HOLDFAST_') && !known.has(name))
  return [
    ...unknown.map(name => `${name} is not known; there are ${[...known].join(', ')}`),
    ...settings.flatMap(({ name, check, isSecret }) => {
      const given = env[name]
      if (given === undefined || given === '') return []
      try {
        check?.(given)
        return []
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        return [`${name} ${why}${isSecret ? '' : `, got ${given}`}`]
      }
    }),
  ]
}
