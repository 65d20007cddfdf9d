const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface StopSignals {
  /** Resolves with the name of the first signal that asks this process to end. */
  readonly first: Promise<(typeof names)[number]>
  /** Resolves at the second: somebody does not want to wait. */
  readonly second: Promise<void>
  /** Gives the signals back to Node, whose default is to end the process. */
  release(): void
}

/** Listens for Ctrl-C and its relatives. */
export function stopSignals(): StopSignals {
  const first = Promise.withResolvers<(typeof names)[number]>()
  const second = Promise.withResolvers<void>()
  let seen = 0
  const listeners = names.map(name => {
    const listener = (): void => {
      seen += 1
      if (seen === 1) first.resolve(name)
      else second.resolve()
    }
    process.on(name, listener)
    return () => process.off(name, listener)
  })
  return {
    first: first.promise,
    second: second.promise,
    release() {
      for (const off of listeners) off()
    },
  }
}
