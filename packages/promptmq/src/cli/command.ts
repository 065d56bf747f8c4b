import { formatHelp, type HelpTexts } from './help.ts'
import type { Io } from './io.ts'
import type { OptionTable, ValuesOf } from './option-table.ts'
import { parseOptions } from './parse-options.ts'

/** One of the things that `promptmq` does, as the dispatcher sees it. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly help: () => string
  /**
   * Reads the arguments, and runs what they ask for.
   *
   * @returns the exit code, or which text was asked for instead.
   * @throws UsageError for bad arguments; anything else for what went wrong later.
   */
  readonly run: (args: readonly string[], io: Io) => Promise<number | 'help' | 'version'>
}

/** What a command is made of; the type of its values follows from its table. */
export interface CommandDefinition<Table extends OptionTable> extends HelpTexts {
  readonly table: Table
  readonly main: (values: ValuesOf<Table>, io: Io) => Promise<number>
}

/** A command of its table and its `main`. */
export function defineCommand<Table extends OptionTable>(
  definition: CommandDefinition<Table>,
): Command {
  const { name, summary, table, main } = definition
  return {
    name,
    summary,
    help: () => formatHelp(definition, table),
    async run(args, io) {
      const parsed = parseOptions(table, args)
      return parsed.kind === 'values' ? main(parsed.values, io) : parsed.kind
    },
  }
}
