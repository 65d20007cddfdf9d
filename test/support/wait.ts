/** Waits for a condition that an event makes true; the test's own time-out ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5))
}

export async function toArray<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of from) all.push(one)
  return all
}

/** A time that no event before it has. */
export async function nextMoment(): Promise<Date> {
  const began = Date.now()
  await until(() => Date.now() > began + 1)
  return new Date()
}
