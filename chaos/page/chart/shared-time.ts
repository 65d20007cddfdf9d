import { useLayoutEffect, useState } from 'preact/hooks'

/** What all charts of a page share: the moment under the cursor, and the span that is shown. Seconds. */
export interface TimeView {
  readonly at: number | undefined
  readonly from: number
  readonly to: number
}

export interface SharedTime {
  readonly view: TimeView
  point(at: number | undefined): void
  /** Shows a part of the run; without one, all of it. */
  zoom(span?: { readonly from: number; readonly to: number }): void
  /** The run has become longer: a chart that shows all of it follows. */
  extend(to: number): void
  subscribe(listener: (view: TimeView) => void): () => void
}

export function sharedTime(length: number): SharedTime {
  const listeners = new Set<(view: TimeView) => void>()
  let whole = Math.max(1, length)
  const set = (view: TimeView): void => {
    shared.view = view
    for (const listener of listeners) listener(view)
  }
  const shared = {
    view: { at: undefined, from: 0, to: whole } as TimeView,
    point(at: number | undefined) {
      if (at !== shared.view.at) set({ ...shared.view, at })
    },
    zoom(span?: { readonly from: number; readonly to: number }) {
      const { from, to } = span ?? { from: 0, to: whole }
      set({ at: undefined, from: Math.max(0, from), to: Math.min(whole, Math.max(to, from + 1)) })
    },
    extend(to: number) {
      if (to <= whole) return
      const showedAll = shared.view.from === 0 && shared.view.to === whole
      whole = to
      if (showedAll) set({ ...shared.view, to })
    },
    subscribe(listener: (view: TimeView) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return shared
}

export function useTimeView(shared: SharedTime): TimeView {
  const [view, setView] = useState(shared.view)
  // What changed between the first drawing and this moment was told to nobody here.
  useLayoutEffect(() => {
    setView(shared.view)
    return shared.subscribe(setView)
  }, [shared])
  return view
}
