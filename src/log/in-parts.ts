/** Several at once, and never too many: asked one by one, a log on other machines takes a round trip for each. In order. */
export async function inParts<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  for (let at = 0; at < all.length; at += AT_ONCE)
    done.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map(one => work(one)))))
  return done
}

const AT_ONCE = 32
