import { useEffect, useState } from 'preact/hooks'

/**
 * Colours are custom properties of the stylesheet, in both themes. A canvas needs them resolved: the browser does it for
 * an element that nobody sees.
 */
export function resolveColour(property: string): string {
  const probe = document.createElement('i')
  probe.hidden = true
  probe.style.color = `var(${property})`
  document.body.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}

/** Changes whenever colours have to be resolved again: another theme, or paper. */
export function useThemeVersion(): number {
  const [version, setVersion] = useState(0)
  useEffect(() => {
    const changed = (): void => setVersion(old => old + 1)
    const queries = ['(prefers-color-scheme: dark)', 'print'].map(query => matchMedia(query))
    const observer = new MutationObserver(changed)
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    for (const query of queries) query.addEventListener('change', changed)
    return () => {
      observer.disconnect()
      for (const query of queries) query.removeEventListener('change', changed)
    }
  }, [])
  return version
}
