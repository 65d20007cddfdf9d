/** One system may run twice in a scenario, with other flags: arms of one title get their name behind it. */
export function distinctTitles<T extends { readonly name: string; readonly title: string }>(
  arms: readonly T[],
): T[] {
  return arms.map(arm =>
    arms.some(other => other !== arm && other.title === arm.title)
      ? { ...arm, title: `${arm.title} (${arm.name})` }
      : arm,
  )
}
