/**
 * An exchange on the wire: what is sent to a broker and what must come back, as data. `load.ts` reads
 * it from a file of `fixtures/wire`, `run.ts` has it with a broker. `fixtures/wire/README.md` tells
 * what a file looks like.
 */
import type { Packet, ProtocolVersion } from '@promptmq/codec'

/** One exchange of a file. */
export interface WireExchange {
  /** Of the file, without its ending: `publish`. */
  readonly file: string
  readonly name: string
  /** What it proves: ids of statements, those of 3.1.1 with that in front; none of 3.1. */
  readonly statements: readonly string[]
  readonly protocolVersion: ProtocolVersion
  readonly steps: readonly Step[]
}

/** One thing that is done, or waited for. `text` is the step as the file has it. */
export type Step = { readonly text: string } & (
  | OpenStep
  | JoinStep
  | SendStep
  | ExpectStep
  | OnlyStep
)

/** A socket is opened, and nothing is sent. */
export interface OpenStep {
  readonly kind: 'open'
  readonly on: string
  readonly protocolVersion: ProtocolVersion
}

/** A socket is opened, and a plain CONNECT accepted: Clean Start, no Keep Alive, no properties. */
export interface JoinStep {
  readonly kind: 'join'
  readonly on: string
  readonly protocolVersion: ProtocolVersion
}

/** Packets in one write. */
export interface SendStep {
  readonly kind: 'send'
  readonly on: string
  /** In the notation of `notation.ts`. */
  readonly lines: readonly string[]
}

/** Packets must come. */
export interface ExpectStep {
  readonly kind: 'expect'
  /** The connections on one of which it must come; nearly always one. */
  readonly on: readonly string[]
  /** In any order. */
  readonly packets: readonly ExpectedPacket[]
  /**
   * What it is for a broker to send this before it closes: `must`, or only `advised` or `allowed` by
   * the standard.
   */
  readonly obligation: 'must' | 'advised' | 'allowed'
  /** What the connection is called from here on, beside its own name. */
  readonly as: string | undefined
}

/**
 * `close`: the broker must close. `nothing`: a PINGREQ is answered, and nothing came before that.
 * `halfClose`: the client sends no more. `abort`: the connection is reset.
 */
export interface OnlyStep {
  readonly kind: 'close' | 'nothing' | 'halfClose' | 'abort'
  readonly on: string
}

/** A packet of which some fields are fixed; `match.ts` tells what is with the others. */
export interface ExpectedPacket {
  readonly type: Packet['type']
  readonly properties?: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}
