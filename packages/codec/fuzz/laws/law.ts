/** What must hold for every stream of bytes, by name. */
export type Law =
  /** No call of the codec throws. */
  | 'throws'
  /** No call takes for ever. Found by a watchdog, not by a check. */
  | 'hangs'
  /** Packets follow each other as their headers say, each of at least two bytes. */
  | 'framing'
  /** No packet is shown that the setting refuses: its type, its size, the number of what is in it. */
  | 'limits'
  /** What lies behind a packet does not change how it is read. */
  | 'bounds'
  /** A packet that is refused leaves the header as it was, wherever it lies. */
  | 'untouched'
  /** However the stream is cut, the packets are the same, byte for byte, and so is the fault. */
  | 'chunking'
  /** Memory grows with the bytes that have arrived, not with those announced, and goes with those read. */
  | 'memory'
  /** After a fault nothing is shown and nothing taken. */
  | 'after-fault'
  /** Offsets lie in order, within the packet, and fit the flags. */
  | 'offsets'
  /** The properties that a cursor walks over are those of the object, and fill their section. */
  | 'cursor'
  /** Offsets and object tell the same. */
  | 'object'
  /** Strings are well-formed, without U+0000, and Topic Names without wildcards. */
  | 'strings'
  /** What was decoded encodes, into the size told before, and decodes to what it was. */
  | 'round-trip'
  /** A Topic Filter is taken apart into what it was, or refused. */
  | 'filter'
  /** A cache of strings never gives one for another. */
  | 'cache'
  /** `decode` gives the one packet there is, or a ProtocolError that says why not. */
  | 'decode'

/** What an input has broken. */
export interface Failure {
  readonly law: Law
  readonly text: string
}

/** @throws what {@link failureOf} reads, unless `holds`. The text should be constant where it is hot. */
export function insist(holds: boolean, law: Law, text: string): asserts holds {
  if (!holds) throw Object.assign(new Error(text), { law })
}

/** @param error - that a check or the codec has thrown. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { law: 'throws', text: `${error}` }
  if ('law' in error) return { law: error.law as Law, text: error.message }
  // A refused packet is decoded into a header that is frozen.
  const isFrozen = error instanceof TypeError && / read only property /.test(error.message)
  return { law: isFrozen ? 'untouched' : 'throws', text: error.stack ?? error.message }
}
