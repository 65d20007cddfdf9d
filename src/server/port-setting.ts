import { HoldfastError } from '../event/index.ts'

/** What a port is, for the sentence that refuses something else. */
export const PORT_RULE = 'must be a whole number from 0 (any free port) to 65535'

/** Undefined for what is no port. */
export function portIn(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

/**
 * A port as a variable of the environment sets it; `usual` where it is unset or empty. Throws `CONFIG_INVALID` for what
 * is no port.
 */
export function portSetting<Usual extends number | undefined>(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  usual: Usual,
): number | Usual {
  const text = env[name]
  if (text === undefined || text === '') return usual
  const port = portIn(text)
  if (port === undefined) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${name} ${PORT_RULE}, got ${JSON.stringify(text)}`,
    })
  }
  return port
}
