import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util'
import { UsageError } from './errors.ts'
import {
  type OptionRow,
  type OptionTable,
  quote,
  ValueError,
  type ValuesOf,
} from './option-table.ts'

/** What a command line says. */
export type ParsedOptions<Table extends OptionTable> =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'values'; readonly values: ValuesOf<Table> }

/**
 * Reads a command's arguments by its table. `--help` and `--version` win over everything else, so
 * that they help where something else is wrong.
 *
 * @throws UsageError for the first thing wrong: an unknown option, a missing, superfluous or bad
 *   value, an argument that belongs to no option.
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
): ParsedOptions<Table> {
  const rows = new Map(Object.entries(table).flatMap(([key, row]) => longNames(key, row)))
  const { tokens } = parseArgs({
    args: joinWords(table, args),
    options: { ...descriptors(table), help: { type: 'boolean' }, version: { type: 'boolean' } },
    allowPositionals: true,
    // Strict parsing refuses values such as -5, and words its errors for other readers.
    strict: false,
    tokens: true,
  })
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value !== undefined) continue
    if (token.name === 'help' || token.name === 'version') return { kind: token.name }
  }

  const values: Record<string, unknown> = {}
  for (const [key, row] of Object.entries(table)) values[key] = row.absent
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError(`unexpected argument ${quote(token.value)}`)
    if (token.kind !== 'option') continue
    const found = rows.get(token.name)
    if (found === undefined) throw new UsageError(`unknown option ${quote(token.rawName)}`)
    const { key, row } = found
    const value = parseValue(row, token.rawName, token.value)
    values[key] = row.kind === 'many' ? [...(values[key] as unknown[]), value] : value
  }
  return { kind: 'values', values: values as ValuesOf<Table> }
}

function longNames(key: string, row: OptionRow): [string, { key: string; row: OptionRow }][] {
  const names = row.alias === undefined ? [row.long] : [row.long, row.alias]
  return names.map((name) => [name, { key, row }])
}

function descriptors(table: OptionTable): Record<string, ParseArgsOptionDescriptor> {
  const options: Record<string, ParseArgsOptionDescriptor> = {}
  for (const { long, short, alias, kind } of Object.values(table)) {
    const type = kind === 'flag' ? 'boolean' : 'string'
    options[long] = short === undefined ? { type } : { type, short }
    if (alias !== undefined) options[alias] = { type }
  }
  return options
}

function parseValue(row: OptionRow, rawName: string, text: string | undefined): unknown {
  if (row.kind === 'flag') {
    if (text === undefined) return true
    throw new UsageError(`option ${quote(rawName)} takes no value`)
  }
  if (text === undefined) {
    throw new UsageError(`option ${quote(rawName)} needs a value: ${rawName} ${row.placeholder}`)
  }
  try {
    return row.parse(text)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    throw new UsageError(`option ${quote(rawName)} ${error.message}`)
  }
}

/**
 * Makes one argument of an option whose value is several words: `-D publish content-type x`
 * becomes `--property=publish\0content-type\0x`. What stands where another option's value is
 * expected is left alone, whatever it looks like.
 */
function joinWords(table: OptionTable, args: readonly string[]): string[] {
  const rows = new Map<string, OptionRow>()
  for (const row of Object.values(table)) {
    for (const name of [row.long, row.alias]) if (name !== undefined) rows.set(`--${name}`, row)
    if (row.short !== undefined) rows.set(`-${row.short}`, row)
  }
  const joined: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    const row = rows.get(arg)
    if (arg === '--') return [...joined, ...args.slice(i)]
    if (row?.wordCount !== undefined) {
      const words = args.slice(i + 1, i + 1 + row.wordCount(args.slice(i + 1)))
      joined.push(words.length === 0 ? arg : `--${row.long}=${words.join('\0')}`)
      i += words.length
      continue
    }
    joined.push(arg)
    const takesNext = row !== undefined && row.kind !== 'flag'
    if (takesNext && i + 1 < args.length) joined.push(args[++i]!)
  }
  return joined
}
