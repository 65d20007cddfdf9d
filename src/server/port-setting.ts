import { HoldfastError } from '../event/index.ts'

/**
 * A port as a variable of the environment sets it; `usual` where it is unset or empty. Throws `CONFIG_INVALID` for what
 * is no port.
 */
export function portSetting(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  usual: number,
): number {
  const text = env[name]
  if (text === undefined || text === '') return usual
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new HoldfastError('CONFIG_INVALID', {
      detail: `${name} must be a whole number from 0 (any free port) to 65535, got ${JSON.stringify(text)}`,
    })
  }
  return port
}
