import { readFile } from 'node:fs/promises'
import type { PublishProperties } from '@promptmq/codec'
import { describeReason } from '../client/client-error.ts'
import type { Client, OutgoingMessage } from '../client.ts'
import { CLIENT_OPTIONS, qosOption, refuseProperties, urlTopic } from './client-options.ts'
import { defineCommand } from './command.ts'
import { CommandError, ExitCode, UsageError } from './errors.ts'
import { readAll, readLines } from './input.ts'
import type { Io } from './io.ts'
import {
  flag,
  integer,
  type OptionTable,
  one,
  seconds,
  text,
  type ValuesOf,
  withDefault,
} from './option-table.ts'
import { propertiesOf } from './properties.ts'
import { topicName } from './topic.ts'
import { withClient } from './with-client.ts'

const OPTIONS = {
  topic: one(topicName, {
    short: 't',
    long: 'topic',
    placeholder: 'TOPIC',
    group: 'Message',
    help: 'Topic Name to publish to',
  }),
  message: one(text, {
    short: 'm',
    long: 'message',
    placeholder: 'MESSAGE',
    group: 'Message',
    help: 'the payload',
  }),
  file: one(text, {
    short: 'f',
    long: 'file',
    placeholder: 'FILE',
    group: 'Message',
    help: 'the payload is what is in FILE',
  }),
  isStdin: flag({
    short: 's',
    long: 'stdin-file',
    group: 'Message',
    help: 'the payload is all of standard input',
  }),
  isLines: flag({
    short: 'l',
    long: 'stdin-line',
    group: 'Message',
    help: 'one message for each line of standard input that is not empty',
  }),
  isNull: flag({
    short: 'n',
    long: 'null-message',
    group: 'Message',
    help: 'an empty payload; with -r it removes what was retained',
  }),
  qos: qosOption('Message', 'QoS: 0 at most once, 1 at least once, 2 exactly once'),
  retain: flag({
    short: 'r',
    long: 'retain',
    group: 'Message',
    help: 'the server keeps the message for those who subscribe later',
  }),
  repeatCount: withDefault(integer(1, 0xffff_ffff), 1, {
    long: 'repeat',
    placeholder: 'COUNT',
    group: 'Message',
    help: 'publish the message so many times; not with -l',
  }),
  repeatDelayMs: one(seconds(86_400), {
    long: 'repeat-delay',
    placeholder: 'SECONDS',
    group: 'Message',
    help: 'time between repetitions; may have a fraction',
  }),
  ...CLIENT_OPTIONS,
} satisfies OptionTable

type PubValues = ValuesOf<typeof OPTIONS>

/** `promptmq pub`. */
export const pubCommand = defineCommand({
  name: 'promptmq pub',
  summary: 'publish messages with MQTT 5',
  usage: ['-t TOPIC (-m MESSAGE | -f FILE | -s | -l | -n) [options]', '-L URL (-m MESSAGE | ...)'],
  table: OPTIONS,
  notes: [
    'At QoS 1 and 2 it ends when the server has acknowledged every message. Exit codes: 0 all published, 1 not all, 2 the command line is not understood.',
  ],
  async main(values, io) {
    const message = messageOf(values)
    checkSource(values)
    refuseProperties(values.properties, 'subscribe', 'unsubscribe')
    // Before the connection: who cannot read what is to be sent need not disturb anybody.
    const payload = values.isLines ? undefined : await readPayload(values, io)
    return withClient(values, io, {
      async run(client, stop) {
        const publisher = new Publisher(client)
        if (payload === undefined) {
          for await (const line of readLines(io.stdin, stop)) {
            await publisher.send({ ...message, payload: line })
          }
        } else {
          await repeat(publisher, { ...message, payload }, values, stop)
        }
        await publisher.finish(stop)
        return ExitCode.Success
      },
    })
  },
})

function messageOf(values: PubValues): Omit<OutgoingMessage, 'payload'> {
  const topic = values.topic ?? urlTopic(values, topicName)
  if (topic === undefined) throw new UsageError('there is no topic: -t TOPIC')
  const properties = propertiesOf('publish', values.properties) as Partial<PublishProperties>
  return { topicName: topic, qos: values.qos, retain: values.retain, properties }
}

function checkSource(values: PubValues): void {
  const { message, file, isStdin, isLines, isNull, repeatCount } = values
  const given = [
    ...(message === undefined ? [] : ['-m']),
    ...(file === undefined ? [] : ['-f']),
    ...(isStdin ? ['-s'] : []),
    ...(isLines ? ['-l'] : []),
    ...(isNull ? ['-n'] : []),
  ]
  if (given.length === 0) throw new UsageError('there is no message: one of -m, -f, -s, -l and -n')
  if (given.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other`)
  if (isLines && repeatCount > 1) throw new UsageError('-l and --repeat exclude each other')
}

async function readPayload({ message, file, isStdin }: PubValues, io: Io): Promise<Uint8Array> {
  if (message !== undefined) return new TextEncoder().encode(message)
  if (file !== undefined) return readFile(file)
  return isStdin ? readAll(io.stdin) : new Uint8Array(0)
}

async function repeat(
  publisher: Publisher,
  message: OutgoingMessage,
  { repeatCount, repeatDelayMs = 0 }: PubValues,
  stop: AbortSignal,
): Promise<void> {
  for (let count = 0; count < repeatCount; count++) {
    if (count > 0 && repeatDelayMs > 0) await sleep(repeatDelayMs, stop)
    if (stop.aborted) throw new CommandError(`ended after ${count} of ${repeatCount} messages`)
    await publisher.send(message)
  }
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    stop.addEventListener('abort', wake, { once: true })
  })
}

/** Publishes without waiting for answers, as far as the server lets it, and notes what fails. */
class Publisher {
  readonly #client: Client
  #failure: unknown
  #waitingCount = 0

  constructor(client: Client) {
    this.#client = client
  }

  /**
   * Returns when there is room for the next message.
   *
   * @throws whatever went wrong with any message so far.
   */
  async send(message: OutgoingMessage): Promise<void> {
    await this.#client.room()
    if (this.#failure !== undefined) throw this.#failure
    this.#waitingCount++
    this.#client.publish(message).then(
      (reasonCode) => {
        this.#waitingCount--
        if (reasonCode < 0x80) return
        const reason = describeReason(reasonCode)
        this.#failure ??= new CommandError(`'${message.topicName}' was refused: ${reason}`)
      },
      (error: unknown) => {
        this.#failure ??= error
      },
    )
  }

  /** Waits for all answers. @throws whatever went wrong with any message. */
  async finish(stop: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#client.settled(), stopped])
    // What has just failed is noted a turn later.
    await Promise.resolve()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#waitingCount > 0) {
      throw new CommandError(`ended with ${this.#waitingCount} messages not acknowledged`)
    }
  }
}
