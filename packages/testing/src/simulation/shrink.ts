/**
 * Delta debugging: leaves out halves, then smaller and smaller pieces, as long as what is left still
 * fails, until every single item is needed or the tries are used up.
 *
 * @param fails - whether a run of these items fails.
 * @param maximumTries - calls of `fails`.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
  maximumTries: number,
): Promise<readonly T[]> {
  let left = items
  let size = Math.ceil(left.length / 2)
  let triesLeft = maximumTries
  while (size > 0 && triesLeft > 0) {
    let isSmaller = false
    // From behind: what comes last depends on most, and less depends on it.
    for (let end = left.length; end > 0 && triesLeft > 0; end -= size) {
      const start = Math.max(0, end - size)
      const without = [...left.slice(0, start), ...left.slice(end)]
      triesLeft--
      if (!(await fails(without))) continue
      left = without
      isSmaller = true
    }
    if (size === 1 && !isSmaller) break
    size = size === 1 ? 1 : Math.ceil(size / 2)
  }
  return left
}
