/**
 * The options of a command as one table: how they are written, what their values must be, and
 * their line in the help text. Parsing and help both come from it, so neither can miss one.
 *
 *   const OPTIONS = {
 *     host: withDefault(text, 'localhost', { short: 'h', long: 'host', ... }),
 *     topics: many(text, { short: 't', long: 'topic', ... }),
 *     isQuiet: flag({ long: 'quiet', ... }),
 *   }
 *   ValuesOf<typeof OPTIONS>   { host: string, topics: readonly string[], isQuiet: boolean }
 */

/** How one option is written and explained. */
export interface OptionSpec {
  readonly long: string
  readonly short?: string
  /** A second long name, for habits formed elsewhere; the help text does not show it. */
  readonly alias?: string
  /** What stands for the value in the help text. */
  readonly placeholder?: string
  /** The heading it stands under. */
  readonly group: string
  readonly help: string
  /**
   * For an option whose value is several words: how many, given those that follow it. They reach
   * the parser joined by U+0000, which no argument can contain.
   */
  readonly wordCount?: (words: readonly string[]) => number
}

/** An option of a command: how it is written, and what its value comes out as. */
export interface OptionRow<Value = unknown> extends OptionSpec {
  readonly kind: 'flag' | 'one' | 'many'
  /** @throws ValueError when `text` is no value of this option. */
  readonly parse: (text: string) => unknown
  /** The value when the option is not given. */
  readonly absent: Value
}

/** The options of a command, by the names that its values get. */
export type OptionTable = Readonly<Record<string, OptionRow>>

/** What the options of a table come out as. */
export type ValuesOf<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends OptionRow<infer Value> ? Value : never
}

/** A text is not what the option takes; the message goes on after the option's name. */
export class ValueError extends Error {}

type Parser<Value> = (text: string) => Value

/** An option without a value. */
export function flag(spec: OptionSpec): OptionRow<boolean> {
  return { ...spec, kind: 'flag', parse: () => true, absent: false }
}

/** An option with one value; given twice, the last one counts. */
export function one<Value>(parse: Parser<Value>, spec: OptionSpec): OptionRow<Value | undefined> {
  return { ...spec, kind: 'one', parse, absent: undefined }
}

/** As {@link one}, with the value that it has when it is not given. */
export function withDefault<Value>(
  parse: Parser<Value>,
  absent: Value,
  spec: OptionSpec,
): OptionRow<Value> {
  return { ...spec, kind: 'one', parse, absent, help: `${spec.help} (default ${absent})` }
}

/** An option that may be given any number of times. */
export function many<Value>(parse: Parser<Value>, spec: OptionSpec): OptionRow<readonly Value[]> {
  return { ...spec, kind: 'many', parse, absent: [] }
}

/** Any text, the empty one as well. */
export function text(value: string): string {
  return value
}

/** A whole number from `minimum` to `maximum`, both included, in decimal digits. */
export function integer(minimum: number, maximum: number): Parser<number> {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (number >= minimum && number <= maximum) return number
    throw new ValueError(
      `must be a whole number from ${minimum} to ${maximum}, not ${quote(value)}`,
    )
  }
}

/** A number of seconds, possibly with a fraction; the result is in milliseconds. */
export function seconds(maximum: number): Parser<number> {
  return (value) => {
    const number = /^(?:\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : Number.NaN
    if (number <= maximum) return Math.round(number * 1000)
    throw new ValueError(`must be a number of seconds up to ${maximum}, not ${quote(value)}`)
  }
}

/** One of a few words. */
export function choice<const Value extends string>(...values: readonly Value[]): Parser<Value> {
  return (value) => {
    if ((values as readonly string[]).includes(value)) return value as Value
    throw new ValueError(`must be ${alternatives(values)}, not ${quote(value)}`)
  }
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(values: readonly string[]): string {
  const last = values.at(-1) ?? ''
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`
}

/** A value as messages show it. */
export function quote(value: string): string {
  return `'${value}'`
}
