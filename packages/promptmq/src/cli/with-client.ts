import { Client, type MessageHandler } from '../client.ts'
import { type ClientValues, connectOptionsOf } from './client-options.ts'
import { CommandError, ExitCode } from './errors.ts'
import { type Io, write } from './io.ts'
import { propertiesOf } from './properties.ts'

/** How long handshakes that are under way have to come to their end before DISCONNECT. */
const SETTLE_TIMEOUT_MS = 2000

/** What a command does with its connection. */
export interface ClientTask {
  readonly onMessage?: MessageHandler
  /**
   * @param stop - aborted when the connection has ended or the command is asked to end.
   * @returns the exit code.
   */
  readonly run: (client: Client, stop: AbortSignal) => Promise<number>
}

/**
 * Connects, runs a task, lets handshakes come to their end and disconnects: what `pub` and `sub`
 * have in common. With `--quiet` a failure is only an exit code.
 *
 * @throws UsageError, ClientError, CommandError and what the task throws.
 */
export async function withClient(values: ClientValues, io: Io, task: ClientTask): Promise<number> {
  const log = values.isDebug ? (line: string) => io.stderr.write(`${line}\n`) : () => {}
  const options = connectOptionsOf(values, log)
  const interruption = io.interruption()
  try {
    const client = await Client.connect(options, task.onMessage, interruption)
    try {
      return await runTask(client, task, interruption)
    } finally {
      await client.disconnect(propertiesOf('disconnect', values.properties))
    }
  } catch (error) {
    // Asked to end while it was connecting: then it is done.
    if (interruption.aborted && !(error instanceof CommandError)) return ExitCode.Success
    if (values.isQuiet) return ExitCode.Failure
    throw error
  }
}

async function runTask(
  client: Client,
  task: ClientTask,
  interruption: AbortSignal,
): Promise<number> {
  const ended = new AbortController()
  client.closed.then(() => ended.abort())
  try {
    const exitCode = await task.run(client, AbortSignal.any([ended.signal, interruption]))
    await settle(client, interruption)
    if (!ended.signal.aborted) return exitCode
  } catch (error) {
    if (!ended.signal.aborted) throw error
  }
  // Whatever the task made of it, this is why.
  throw (await client.closed) ?? new CommandError('the connection was ended')
}

async function settle(client: Client, interruption: AbortSignal): Promise<void> {
  client.onMessage = undefined
  // Nobody asked for these messages to be finished when the command is told to end.
  if (interruption.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, SETTLE_TIMEOUT_MS)
  await Promise.race([client.settled(), client.closed, promise])
  clearTimeout(timer)
}

/** Tells something on stderr that is no failure of the whole, unless `--quiet`. */
export async function warn(values: ClientValues, io: Io, line: string): Promise<void> {
  if (!values.isQuiet) await write(io.stderr, `${line}\n`)
}
