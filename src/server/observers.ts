/** One observer that tells two: first `always`, then `also` where it listens. */
export function both<O extends object>(always: Required<O>, also: O | undefined): Required<O> {
  if (also === undefined) return always
  const joined = Object.entries(always).map(([name, first]) => [
    name,
    (facts: unknown) => {
      ;(first as Listener)(facts)
      ;(also as Readonly<Record<string, Listener | undefined>>)[name]?.(facts)
    },
  ])
  return Object.fromEntries(joined) as Required<O>
}

/** Every method of an observer takes one object of facts and answers nothing. */
type Listener = (facts: unknown) => void
