import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const themes = ['auto', 'light', 'dark'] as const
type Theme = (typeof themes)[number]

/** Follows the system until somebody chooses. Paper is always light. */
export function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState<Theme>('auto')
  useEffect(() => show(theme), [theme])
  useEffect(() => {
    const before = (): void => show('light')
    const after = (): void => show(theme)
    addEventListener('beforeprint', before)
    addEventListener('afterprint', after)
    return () => {
      removeEventListener('beforeprint', before)
      removeEventListener('afterprint', after)
    }
  }, [theme])
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'auto'
  return (
    <button type="button" class="quiet theme" onClick={() => setTheme(next)}>
      Theme: {theme}
    </button>
  )
}

function show(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}
