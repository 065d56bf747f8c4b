import type { Publish, Suback, SubscribeInput, UnsubscribeInput } from '@promptmq/codec'
import { describeReason } from '../client/client-error.ts'
import type { Client } from '../client.ts'
import { CLIENT_OPTIONS, qosOption, refuseProperties, urlTopic } from './client-options.ts'
import { defineCommand } from './command.ts'
import { CommandError, ExitCode, UsageError } from './errors.ts'
import type { Io } from './io.ts'
import {
  choice,
  flag,
  integer,
  many,
  type OptionTable,
  one,
  seconds,
  type ValuesOf,
  withDefault,
} from './option-table.ts'
import { parseOutputFormat, plainFormat } from './output-format.ts'
import { Printer } from './printer.ts'
import { propertiesOf } from './properties.ts'
import { matchesFilter, topicFilter } from './topic.ts'
import { warn, withClient } from './with-client.ts'

const RETAIN_HANDLING = { always: 0, new: 1, never: 2 } as const

const OPTIONS = {
  topics: many(topicFilter, {
    short: 't',
    long: 'topic',
    placeholder: 'FILTER',
    group: 'Subscription',
    help: "Topic Filter, as 'plant/+/temp', 'plant/#' or '$share/NAME/plant/#'",
  }),
  qos: qosOption('Subscription', 'highest QoS of the messages: 0, 1 or 2'),
  unsubscribe: many(topicFilter, {
    short: 'U',
    long: 'unsubscribe',
    placeholder: 'FILTER',
    group: 'Subscription',
    help: 'end this subscription of a kept session',
  }),
  noLocal: flag({
    long: 'no-local',
    group: 'Subscription',
    help: 'no messages that this client itself published',
  }),
  retainAsPublished: flag({
    long: 'retain-as-published',
    group: 'Subscription',
    help: 'keep the retain flag as the publisher set it',
  }),
  retainHandling: withDefault(choice('always', 'new', 'never'), 'always', {
    long: 'retain-handling',
    placeholder: 'WHEN',
    group: 'Subscription',
    help: 'send retained messages always, to new subscriptions, or never',
  }),
  count: one(integer(1, Number.MAX_SAFE_INTEGER), {
    short: 'C',
    long: 'count',
    placeholder: 'COUNT',
    group: 'End',
    help: 'end after so many messages',
  }),
  timeoutMs: one(seconds(2_000_000), {
    short: 'W',
    long: 'timeout',
    placeholder: 'SECONDS',
    group: 'End',
    help: 'end after this time, with exit code 27',
  }),
  endsAtSuback: flag({
    short: 'E',
    long: 'exit-after-subscribe',
    group: 'End',
    help: 'end as soon as the server has answered the subscriptions',
  }),
  isVerbose: flag({
    short: 'v',
    long: 'verbose',
    group: 'Output',
    help: "print the topic before the payload: as -F '%t %p'",
  }),
  format: one(parseOutputFormat, {
    short: 'F',
    long: 'format',
    placeholder: 'FORMAT',
    group: 'Output',
    help: 'print messages like this; see below',
  }),
  noNewline: flag({
    short: 'N',
    long: 'no-newline',
    group: 'Output',
    help: 'no newline behind each message',
  }),
  noRetained: flag({
    short: 'R',
    long: 'no-retained',
    group: 'Output',
    help: 'leave out retained messages',
  }),
  retainedOnly: flag({
    long: 'retained-only',
    group: 'Output',
    help: 'only retained messages; end at the first other one',
  }),
  removeRetained: flag({
    long: 'remove-retained',
    group: 'Output',
    help: 'remove from the server each retained message that was printed',
  }),
  filterOut: many(topicFilter, {
    short: 'T',
    long: 'filter-out',
    placeholder: 'FILTER',
    group: 'Output',
    help: 'leave out messages whose topic matches',
  }),
  ...CLIENT_OPTIONS,
} satisfies OptionTable

type SubValues = ValuesOf<typeof OPTIONS>

/** `promptmq sub`. */
export const subCommand = defineCommand({
  name: 'promptmq sub',
  summary: 'subscribe with MQTT 5 and print messages',
  usage: ['-t FILTER [-t FILTER ...] [options]', '-L URL [options]'],
  table: OPTIONS,
  notes: [
    'FORMAT is text in which these stand for parts of the message:',
    '  %t topic      %p payload   %x payload in hex   %l bytes of payload   %j all of it as JSON',
    '  %q QoS        %r retain    %m identifier       %I time, ISO 8601     %U time in seconds',
    '  %C Content Type            %R Response Topic            %D Correlation Data',
    '  %E Message Expiry Interval %F Payload Format Indicator  %S Subscription Identifiers',
    '  %P User Properties         %% a percent sign            \\n \\r \\t \\0 \\\\ as in C',
    'Exit codes: 0 ended as asked, 1 the connection failed or no subscription was granted, 2 the command line is not understood, 27 the time of -W is over.',
  ],
  async main(values, io) {
    const subscriptions = subscriptionsOf(values)
    const { properties } = values
    refuseProperties(properties, 'publish')
    const subscriber = new Subscriber(values, io)
    return withClient(values, io, {
      onMessage: (message, client) => subscriber.take(message, client),
      async run(client, stop) {
        if (subscriptions.length > 0) {
          const packet = { subscriptions, properties: propertiesOf('subscribe', properties) }
          await reportRefusals(values, io, await client.subscribe(packet as SubscribeInput))
        }
        if (values.unsubscribe.length > 0) {
          const packet = {
            topicFilters: values.unsubscribe,
            properties: propertiesOf('unsubscribe', properties),
          }
          await client.unsubscribe(packet as UnsubscribeInput)
        }
        if (values.endsAtSuback) subscriber.end(ExitCode.Success)
        return subscriber.ended(stop)
      },
    })
  },
})

function subscriptionsOf(values: SubValues): SubscribeInput['subscriptions'] {
  const { qos, noLocal, retainAsPublished, unsubscribe } = values
  const filters = filtersOf(values)
  if (filters.length === 0 && unsubscribe.length === 0) {
    throw new UsageError('there is nothing to subscribe to: -t FILTER')
  }
  if (noLocal && filters.some((filter) => filter.startsWith('$share/'))) {
    throw new UsageError('--no-local and a $share/ subscription exclude each other') // [MQTT-3.8.3-4]
  }
  const retainHandling = RETAIN_HANDLING[values.retainHandling]
  return filters.map((filter) => ({
    topicFilter: filter,
    qos,
    noLocal,
    retainAsPublished,
    retainHandling,
  }))
}

/** Those of `-t`, then that of `-L`. */
function filtersOf(values: SubValues): readonly string[] {
  const fromUrl = urlTopic(values, topicFilter)
  return fromUrl === undefined ? values.topics : [...values.topics, fromUrl]
}

/** @throws CommandError when nothing at all was granted. */
async function reportRefusals(values: SubValues, io: Io, { reasonCodes }: Suback): Promise<void> {
  const filters = filtersOf(values)
  for (const [index, reasonCode] of reasonCodes.entries()) {
    if (reasonCode < 0x80) continue
    const reason = describeReason(reasonCode)
    await warn(values, io, `promptmq sub: '${filters[index]}' was refused: ${reason}`)
  }
  if (reasonCodes.every((reasonCode) => reasonCode >= 0x80)) {
    throw new CommandError('no subscription was granted')
  }
}

/** Decides which messages are printed, and when it is enough. */
class Subscriber {
  readonly #values: SubValues
  readonly #printer: Printer
  readonly #outcome = Promise.withResolvers<number>()
  #count = 0

  constructor(values: SubValues, io: Io) {
    this.#values = values
    const format = values.format ?? plainFormat(values.isVerbose)
    this.#printer = new Printer(io.stdout, format, values.noNewline ? '' : '\n')
  }

  take(message: Publish, client: Client): void {
    const { noRetained, retainedOnly, removeRetained, filterOut, count } = this.#values
    if (retainedOnly && !message.retain) {
      client.onMessage = undefined
      this.end(ExitCode.Success)
      return
    }
    if (noRetained && message.retain) return
    if (filterOut.some((filter) => matchesFilter(filter, message.topicName))) return
    this.#printer.print(message, client)
    if (removeRetained && message.retain && message.payload.length > 0) {
      this.#remove(message.topicName, client)
    }
    if (++this.#count !== count) return
    client.onMessage = undefined
    this.end(ExitCode.Success)
  }

  /** Ends the command, as soon as {@link ended} is waited for. The first call counts. */
  end(exitCode: number): void {
    this.#outcome.resolve(exitCode)
  }

  /** @returns the exit code, when all that was taken is printed. */
  async ended(stop: AbortSignal): Promise<number> {
    const { timeoutMs } = this.#values
    const stopped = (): void => this.end(ExitCode.Success)
    if (stop.aborted) stopped()
    stop.addEventListener('abort', stopped, { once: true })
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => this.end(ExitCode.TimeOver), timeoutMs)
    const exitCode = await this.#outcome.promise
    clearTimeout(timer)
    await this.#printer.flushed()
    return exitCode
  }

  #remove(topicName: string, client: Client): void {
    const payload = new Uint8Array(0)
    const removal = { topicName, payload, qos: 1, retain: true, properties: {} } as const
    // What cannot be removed stays; the connection's end is told elsewhere.
    client.publish(removal).catch(() => {})
  }
}
