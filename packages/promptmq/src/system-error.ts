import { getSystemErrorMessage } from 'node:util'

/** What Node adds to errors of the operating system. */
export interface SystemError extends Error {
  readonly code: string
  readonly syscall: string
  readonly errno?: number
  readonly path?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** The error of a system call behind `error`, or undefined where it is of another kind. */
export function systemErrorOf(error: unknown): SystemError | undefined {
  // Several addresses of one name were tried: the first tells as much as all of them.
  if (error instanceof AggregateError) return systemErrorOf(error.errors[0])
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? (error as SystemError) : undefined
}

/** Why a system call failed, in words: `connection refused (ECONNREFUSED)`. */
export function reasonOf({ code, errno }: SystemError): string {
  return errno === undefined ? code : `${getSystemErrorMessage(errno)} (${code})`
}
