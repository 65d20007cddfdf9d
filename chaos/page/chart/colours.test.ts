import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('../style.css', import.meta.url), 'utf8')

type Rgb = readonly [number, number, number]
type Theme = 'light' | 'dark'

function colour(name: string, theme: Theme): Rgb {
  const pair = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css)
  const hex = pair?.[theme === 'light' ? 1 : 2]
  if (hex === undefined) throw new Error(`no colour ${name}`)
  return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb
}

const linear = (value: number): number =>
  value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4

/** How people without one kind of cone see it (Machado, Oliveira and Fernandes 2009, severity 1), in linear light. */
const sight = {
  everybody: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}

function seen(
  rgb: Rgb,
  [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0]: readonly number[],
): Rgb {
  const [x, y, z] = rgb.map(linear) as unknown as Rgb
  return [a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z].map(v =>
    Math.min(1, Math.max(0, v)),
  ) as unknown as Rgb
}

/** CIE Lab of linear sRGB, D65. */
function lab([r, g, b]: Rgb): Rgb {
  const f = (t: number): number => (t > 216 / 24_389 ? Math.cbrt(t) : ((24_389 / 27) * t + 16) / 116)
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.950_47)
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b)
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.088_83)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

const distance = (a: Rgb, b: Rgb): number =>
  Math.hypot(...lab(a).map((value, index) => value - (lab(b)[index] ?? 0)))

const luminance = (rgb: Rgb): number => {
  const [r, g, b] = rgb.map(linear) as unknown as Rgb
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

const arms = ['arm-1', 'arm-2', 'arm-3', 'arm-4', 'arm-5', 'arm-6']
const outcomes = ['outcome-accepted', 'outcome-refused', 'outcome-unanswered', 'outcome-unsent']
const fills = outcomes.map(name => `${name}-fill`)

const pairs = (names: readonly string[]): (readonly [string, string])[] =>
  names.flatMap((a, index) => names.slice(index + 1).map(b => [a, b] as const))

describe.each<Theme>(['light', 'dark'])('chart colours in the %s theme', theme => {
  it('stand out from the card, as WCAG asks of what is drawn', () => {
    const card = colour('card', theme)
    const weak = [...arms, ...outcomes].filter(name => contrast(colour(name, theme), card) < 3)
    expect(weak).toEqual([])
  })

  it.each(Object.entries(sight))('differ for %s', (_, matrix) => {
    // Lines have dashes as well, areas and strips have nothing else.
    const close = [
      ...pairs(arms.slice(0, 4)).map(pair => [...pair, 12] as const),
      ...pairs(arms).map(pair => [...pair, 6] as const),
      ...pairs(fills).map(pair => [...pair, 12] as const),
    ]
      .map(([a, b, least]) => ({
        a,
        b,
        least,
        apart: distance(seen(colour(a, theme), matrix), seen(colour(b, theme), matrix)),
      }))
      .filter(({ apart, least }) => apart < least)
    expect(close).toEqual([])
  })
})
