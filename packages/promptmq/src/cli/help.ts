import type { OptionRow, OptionTable } from './option-table.ts'

/** Columns that help texts keep within. */
export const HELP_WIDTH = 92

/** Columns for the options themselves; a longer one has a line of its own. */
const LEFT_WIDTH_MAX = 30

/** What the help text of a command says beside its options. */
export interface HelpTexts {
  /** As in `promptmq pub`. */
  readonly name: string
  readonly summary: string
  /** Each what follows the name on one line of "Usage". */
  readonly usage: readonly string[]
  /** Paragraphs, or lines that begin with a space and stay as they are, behind the options. */
  readonly notes: readonly string[]
}

/** The help text of a command, from its table: options by group, in the table's order. */
export function formatHelp(texts: HelpTexts, table: OptionTable): string {
  const rows: readonly HelpRow[] = [
    ...Object.values(table).map(helpRow),
    { group: 'Other', left: '    --help', help: 'print this text' },
    { group: 'Other', left: '    --version', help: 'print the version' },
  ]
  const leftWidth = Math.min(Math.max(...rows.map(({ left }) => left.length)) + 2, LEFT_WIDTH_MAX)
  const lines = [`${texts.name}: ${texts.summary}`, '']
  for (const [index, usage] of texts.usage.entries()) {
    lines.push(`${index === 0 ? 'Usage: ' : '       '}${texts.name} ${usage}`.trimEnd())
  }
  for (const [group, members] of Map.groupBy(rows, (row) => row.group)) {
    lines.push('', `${group}:`, ...members.flatMap((row) => formatRow(row, leftWidth)))
  }
  for (const note of texts.notes) {
    lines.push(...(note.startsWith(' ') ? [note] : ['', ...wrap(note, HELP_WIDTH)]))
  }
  return `${lines.join('\n')}\n`
}

interface HelpRow {
  readonly group: string
  readonly left: string
  readonly help: string
}

function helpRow({ short, long, placeholder, group, help, kind }: OptionRow): HelpRow {
  const shorts = short === undefined ? '    ' : `-${short}, `
  const value = placeholder === undefined ? '' : ` ${placeholder}`
  return {
    group,
    left: `${shorts}--${long}${value}`,
    help: kind === 'many' ? `${help}; repeatable` : help,
  }
}

function formatRow({ left, help }: HelpRow, leftWidth: number): string[] {
  const indent = ' '.repeat(leftWidth + 2)
  const lines = wrap(help, HELP_WIDTH - indent.length)
  if (left.length + 2 > leftWidth) return [`  ${left}`, ...lines.map((line) => indent + line)]
  return lines.map((line, index) => (index === 0 ? `  ${left.padEnd(leftWidth)}` : indent) + line)
}

/** Breaks a text at spaces into lines of at most `width` characters, longer words apart. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines
}
