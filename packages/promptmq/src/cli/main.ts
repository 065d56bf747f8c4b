import { version } from '../version.ts'
import type { Command } from './command.ts'
import { describeError, ExitCode, UsageError } from './errors.ts'
import { wrap } from './help.ts'
import { type Io, write } from './io.ts'
import { quote } from './option-table.ts'
import { pubCommand } from './pub.ts'
import { serverCommand } from './server.ts'
import { subCommand } from './sub.ts'

const COMMANDS: Readonly<Record<string, Command>> = {
  server: serverCommand,
  pub: pubCommand,
  sub: subCommand,
}

/**
 * The `promptmq` command.
 *
 * @param args - the words after the command's name.
 * @returns the exit code. Never rejects: what goes wrong is told on stderr in one line.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args
  if (first === undefined) return runCommand(serverCommand, [], io)
  if (first === 'help') return help(rest, io)
  if (first === '--help') return print(io, overview())
  if (first === '--version') return print(io, `promptmq ${version}\n`)
  // Options without a command are the server's.
  if (first.startsWith('-')) return runCommand(serverCommand, args, io)
  const command = commandOf(first)
  return command === undefined ? unknownCommand(first, io) : runCommand(command, rest, io)
}

function commandOf(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
}

async function runCommand(command: Command, args: readonly string[], io: Io): Promise<number> {
  try {
    const result = await command.run(args, io)
    if (result === 'help') return await print(io, command.help())
    if (result === 'version') return await print(io, `promptmq ${version}\n`)
    return result
  } catch (error) {
    if (error instanceof UsageError) {
      const { name } = command
      await write(io.stderr, `${name}: ${error.message}. See ${name} --help\n`)
      return ExitCode.Usage
    }
    await write(io.stderr, `${command.name}: ${describeError(error)}\n`)
    return ExitCode.Failure
  }
}

async function help([name, ...rest]: readonly string[], io: Io): Promise<number> {
  if (name === undefined) return print(io, overview())
  const command = commandOf(name)
  if (command === undefined) return unknownCommand(name, io)
  if (rest.length > 0) return unknownCommand(rest.join(' '), io)
  return print(io, command.help())
}

async function unknownCommand(name: string, io: Io): Promise<number> {
  await write(io.stderr, `promptmq: unknown command ${quote(name)}. See promptmq --help\n`)
  return ExitCode.Usage
}

async function print(io: Io, text: string): Promise<number> {
  await write(io.stdout, text)
  return ExitCode.Success
}

function overview(): string {
  const commands = Object.values(COMMANDS).map(
    ({ name, summary }) => `  ${name.padEnd(18)}${summary}`,
  )
  return [
    'promptmq: an MQTT 5 broker, with a publisher and a subscriber to try it',
    '',
    'Usage: promptmq [COMMAND] [options]',
    '',
    'Commands:',
    ...commands,
    '  promptmq help     print this text, or with a command after it that of the command',
    '',
    ...wrap('Without a command it is the server. Each command tells its options with --help.', 92),
    '',
    'Exit codes: 0 done, 1 it could not be done, 2 the command line is not understood.',
    '',
  ].join('\n')
}
