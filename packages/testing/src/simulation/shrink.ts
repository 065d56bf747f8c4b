/** Runs of a shrinking, at most. */
const MOST_TRIES = 300

/**
 * The fewest of `items` with which `fails` is still true, as far as some tries tell: leaves out halves,
 * then smaller and smaller pieces (delta debugging).
 */
export async function shrink<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  let left = items
  let tries = 0
  let size = left.length >> 1
  while (size >= 1 && tries < MOST_TRIES) {
    let isSmaller = false
    for (let start = 0; start < left.length && tries < MOST_TRIES; ) {
      const fewer = [...left.slice(0, start), ...left.slice(start + size)]
      tries++
      if (await fails(fewer)) {
        left = fewer
        isSmaller = true
      } else {
        start += size
      }
    }
    if (!isSmaller || size > left.length) size = Math.min(size >> 1, left.length >> 1)
  }
  return left
}
