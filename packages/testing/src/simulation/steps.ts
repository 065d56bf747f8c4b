import type { ProtocolVersion } from '@promptmq/codec'
import type { Published } from './message.ts'
import type { SimWill } from './model.ts'

/** What every step has: who does it, and chance for how it is done (sizes of chunks, who reads). */
interface Base {
  readonly client: number
  readonly seed: number
}

/** One thing that happens. What it needs (somebody is connected, ...) may not be so: then nothing does. */
export type Step = Base &
  (
    | {
        readonly kind: 'connect'
        readonly version: ProtocolVersion
        readonly cleanStart: boolean
        /** Session Expiry Interval of 5.0, in seconds. */
        readonly expiry: number
        readonly receiveMaximum: number
        readonly topicAliasMaximum: number
        readonly will: SimWill | null
        readonly givesChunks: boolean
        readonly readsLate: boolean
        /** Also while it is connected: two sockets with one Client Identifier. */
        readonly takesOver: boolean
        /** Steps that the CONNECT is on its way. */
        readonly lag: number
      }
    | { readonly kind: 'publish'; readonly messages: readonly Published[]; readonly isCut: boolean }
    | {
        readonly kind: 'subscribe'
        readonly topicFilter: string
        readonly qos: 0 | 1 | 2
        readonly noLocal: boolean
        readonly retainAsPublished: boolean
        /** Subscription Identifier, 0: none. */
        readonly identifier: number
        readonly retainHandling: 0 | 1 | 2
      }
    | { readonly kind: 'unsubscribe'; readonly topicFilter: string }
    | { readonly kind: 'answer'; readonly count: number }
    | { readonly kind: 'stall' | 'unstall' | 'drop' }
    | {
        readonly kind: 'disconnect'
        readonly withWill: boolean
        /** The changed Session Expiry Interval; `null`: it stays. */
        readonly expiry: number | null
      }
    | { readonly kind: 'malformed'; readonly which: number; readonly message: Published }
    /** Bytes wait for some steps, to the broker and from it. */
    | { readonly kind: 'lag'; readonly up: number; readonly down: number }
    | { readonly kind: 'advance'; readonly seconds: number }
    /** The Store takes so many steps for a commit. */
    | { readonly kind: 'store'; readonly delay: number }
    /** The Store can keep nothing for so many steps. */
    | { readonly kind: 'fail'; readonly steps: number }
    | { readonly kind: 'crash'; readonly isKept: boolean }
  )

/** One kind of them. */
export type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>

/** How many clients there are. */
export const CLIENTS = 5

/** In one line. */
export function describeStep(step: Step): string {
  const { client, kind, seed: _, ...rest } = step
  if (step.kind === 'publish') {
    const messages = step.messages.map(describeMessage).join(', ')
    return `c${client} publish ${messages}${step.isCut ? ', cut' : ''}`
  }
  const details = Object.entries(rest).map(([name, value]) => describeDetail(name, value))
  return [`c${client}`, kind, ...details.filter((one) => one !== '')].join(' ')
}

function describeDetail(name: string, value: unknown): string {
  if (value === true) return name
  if (value === false || value === null) return ''
  if (name === 'message') return describeMessage(value as Published)
  if (name !== 'will') return `${name}=${value}`
  const { published, delay } = value as SimWill
  return `will=(${describeMessage(published)} delay=${delay})`
}

function describeMessage({ number, topicName, qos, retain, size, expiry }: Published): string {
  const details = [
    retain ? ' retain' : '',
    size === 0 ? ' empty' : '',
    expiry > 0 ? ` expiry=${expiry}` : '',
  ]
  return `${number} ${topicName} q${qos}${details.join('')}`
}
