import { startChild, type Child, type ChildOptions } from './child.ts'

let runs = 0

/** Starts `load-child.ts` under a new name. `again`: lines of a former run whose events are sent again. */
export function startLoad(
  folder: string,
  { again = [], ...options }: ChildOptions & { readonly again?: readonly string[] } = {},
): Child {
  return startChild('load-child.ts', [folder, `run${++runs}`, ...again], options)
}
