/** The four methods of a structured logger that are called here; pino fits. */
export interface Logger {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}

/** Says nothing. The default wherever a logger may be left out. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}

/** Says everything to whichever logger there is by then; nothing while there is none. */
export function lateLogger(now: () => Logger | undefined): Logger {
  return {
    debug: (fields, message) => now()?.debug(fields, message),
    info: (fields, message) => now()?.info(fields, message),
    warn: (fields, message) => now()?.warn(fields, message),
    error: (fields, message) => now()?.error(fields, message),
  }
}
