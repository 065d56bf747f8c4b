/** What a user's program looks like to the compiler: it sees the declarations and nothing of Node. */
import {
  DecodeContext,
  decode,
  encode,
  PacketDecoder,
  type Publish,
  type PublishInput,
  StringCache,
} from '@promptmq/codec'

const input: PublishInput = { topicName: 'plant/3/temp', payload: '21.5' }
const bytes: Uint8Array = encode({ type: 'publish', ...input }, { protocolVersion: 5 })
const packet = decode(bytes, { protocolVersion: 5 })
if (packet.type === 'publish') {
  const { topicName, qos }: Publish = packet
  const level: 0 | 1 | 2 = qos
  const names: [string, number] = [topicName, level]
  names.reverse()
}
const decoder = new PacketDecoder(new DecodeContext(), { maximumPacketSize: 1024 })
decoder.push(bytes)
const text: string = new StringCache().read(decoder.bytes, decoder.start, decoder.end)
text.trim()
