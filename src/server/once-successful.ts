/** Runs `work` until it succeeded once; calls at the same time share one run. */
export function onceSuccessful(work: () => Promise<unknown>): () => Promise<void> {
  let run: Promise<void> | undefined
  return () => {
    run ??= work().then(
      () => {},
      (error: unknown) => {
        run = undefined
        throw error
      },
    )
    return run
  }
}
