/**
 * Inputs to begin with: streams that have broken brokers and parsers before, from published advisories
 * and issues. `T` stands for CONNECT's beginning in MQTT 5.0; a setting stands before a colon.
 */
import { type Input, parseBytes, parseSetting } from './input.ts'

const T = '00 04 4d 51 54 54 05'

const STREAMS: readonly string[] = [
  // A Variable Byte Integer of five bytes, as Remaining Length and as Property Length.
  '10 ff ff ff ff 01',
  `10 0f ${T} 02 00 3c ff ff ff ff 01`,
  // Much is announced, and nothing comes.
  'connect=decides accepted=2: 10 ff ff ff 7f 00',
  'connect=decides accepted=2: 30 ff ff ff 7f',
  '30 80 20 00 01 61',
  // Out of turn.
  'sender=client accepted=2: 40 02 00 01',
  'sender=client: 20 03 00 00 00',
  // A property section runs past its packet, into the next one.
  `10 10 ${T} 02 00 3c 03 21 00 14 00 00 62 02 d3 01 e0 02 00 20`,
  'e0 02 00 05 30 04 00 01 61 00',
  '40 01 00 c0 00',
  // Fields run past the end.
  '82 06 00 01 00 00 01 61',
  '30 03 ff ff 61',
  '30 03 00 00 00',
  // Other protocols.
  '16 03 01 02 00 01 00 01 fc 03 03',
  '47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a',
  // A Will Property that is none; a will that is cut.
  `10 15 ${T} 06 00 00 00 00 00 02 0b 01 00 01 77 00 00`,
  `10 11 ${T} 06 00 00 00 00 01 63 00 00 01`,
  // An empty Client Identifier where there must be one.
  'version=4: 10 0c 00 04 4d 51 54 54 04 00 00 3c 00 00',
  // Strings that are none.
  '30 06 00 03 ed a0 80 00',
  '30 05 00 02 c0 80 00',
  '30 07 00 04 f5 80 80 80 00',
  'text=strict: 30 06 00 03 61 01 62 00',
  // Wildcards, `$` names, empty levels.
  '30 06 00 03 61 2f 23 00',
  '82 10 00 01 00 00 0a 24 73 68 61 72 65 2f 67 2f 23 04',
  '30 0a 00 07 24 53 59 53 2f 2f 79 00',
  // What a lenient parser takes: Receive Maximum 0, Packet Identifier 0, no Topic Name and no alias.
  `10 10 ${T} 02 00 3c 03 21 00 00 00 00`,
  '32 06 00 01 61 00 00 00',
  // A property twice, one of another packet, bytes left over, no filter, DUP at QoS 0, PINGREQ with a body.
  '30 08 00 01 61 04 01 01 01 01',
  '30 07 00 01 61 03 21 00 01',
  `10 0f ${T} 02 00 3c 00 00 01 61 00`,
  '82 03 00 01 00',
  '38 04 00 01 61 00',
  'c0 01 00',
  // Ordinary ones of each version.
  `connect=decides: 10 0e ${T} 02 00 3c 00 00 01 61 30 08 00 03 61 2f 62 00 68 69 e0 00`,
  'version=4 connect=decides: 10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 61 30 05 00 01 61 68 69',
  'version=3: 10 0f 00 06 4d 51 49 73 64 70 03 02 00 3c 00 01 61 6a 02 00 01 82 02 00 01',
  '3d 19 00 03 61 2f 62 00 2a 0d 02 00 00 00 3c 23 00 0a 0b 80 01 01 68 69 2e 2e',
  '50 0f 00 0a 10 0b 1f 00 01 72 26 00 01 6b 00 01 76',
  '20 0a 00 00 07 12 00 01 78 22 00 0a',
  'f0 0d 18 0b 15 00 03 61 62 63 16 00 02 00 ff',
]

export const SEEDS: readonly Input[] = STREAMS.map((stream) => {
  const [hex = '', setting = ''] = stream.split(':').toReversed()
  return { setting: parseSetting(setting), bytes: parseBytes(hex) }
})
