/** Columns of text: the first to the left, the others to the right, as wide as they need be. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows]
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A number with as many digits as say something: 0.12, 7.3, 842. */
export function short(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) < 1) return value.toFixed(2)
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0)
}
