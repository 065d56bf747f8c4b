import { reasonOf, type SystemError, systemErrorOf } from '../system-error.ts'

/**
 * The command line is not one that the command understands: exit code 2. The message names the
 * option or argument and what is wrong with it, without a full stop.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What a command set out to do cannot be done: exit code 1. The message is one line. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** Exit codes of `promptmq`. */
export const ExitCode = {
  Success: 0,
  Failure: 1,
  Usage: 2,
  /** `sub -W`: the time is over. The number that users of mosquitto_sub's scripts test for. */
  TimeOver: 27,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/**
 * An error in one line for the person at the terminal: what was attempted, where, and why it
 * failed. Errors of the operating system are put into words; those of ours say it all already.
 */
export function describeError(error: unknown): string {
  const systemError = systemErrorOf(error)
  if (systemError !== undefined) return describeSystemError(systemError)
  if (!(error instanceof Error)) return oneLine(String(error))
  return oneLine(error.message === '' ? error.name : error.message)
}

const VERBS: Readonly<Record<string, string>> = {
  connect: 'connect to',
  getaddrinfo: 'find the address of',
  listen: 'listen on',
  bind: 'listen on',
  open: 'open',
  read: 'read',
  write: 'write',
  mkdir: 'create',
}

function describeSystemError(error: SystemError): string {
  const verb = VERBS[error.syscall] ?? error.syscall
  const place = error.path ?? error.hostname ?? addressOf(error)
  return `cannot ${verb}${place === undefined ? '' : ` ${place}`}: ${reasonOf(error)}`
}

function addressOf({ address, port }: SystemError): string | undefined {
  if (address === undefined || port === undefined) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim()
}
