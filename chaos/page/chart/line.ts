/** One line of a chart, with a value for each moment of the chart. */
export interface Line {
  readonly label: string
  /** A custom property of the stylesheet, such as `--arm-1`. */
  readonly colour: string
  /** Lengths of stroke and gap: a second way to tell lines apart, for those who cannot by colour. */
  readonly dash: readonly number[]
  readonly values: readonly (number | null)[]
}

/** A span in which something was broken on purpose. */
export interface FaultSpan {
  readonly name: string
  readonly from: number
  readonly to: number
}

export interface Style {
  readonly colour: string
  readonly dash: readonly number[]
}

const dashes: readonly (readonly number[])[] = [[], [9, 4], [2, 3], [12, 3, 2, 3], [5, 5], [1, 4]]

/**
 * How each arm looks, everywhere on the page: Holdfast always the same, the others in their order. From the seventh on they
 * repeat.
 */
export function armStyles(names: readonly string[]): ReadonlyMap<string, Style> {
  const ours = names.filter(name => name.startsWith('holdfast'))
  const ordered = [...ours, ...names.filter(name => !ours.includes(name))]
  const first = ours.length === 0 ? 1 : 0
  return new Map(
    ordered.map((name, index) => {
      const turn = (index + first) % dashes.length
      return [name, { colour: `--arm-${turn + 1}`, dash: dashes[turn] ?? [] }]
    }),
  )
}

/** Where a moment stands in a list of moments: the last one that is not later, or the first. */
export function indexAt(x: readonly number[], at: number): number {
  let [low, high] = [0, x.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((x[middle] ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return Math.max(0, low)
}
