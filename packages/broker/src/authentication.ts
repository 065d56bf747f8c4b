import {
  type Auth,
  decodeAuth,
  isReasonCodeOf,
  PacketType,
  ReasonCode,
  Sender,
} from '@promptmq/codec'
import type { Connection } from './connection.ts'
import type { Deadline } from './deadlines.ts'
import type { ConnectRequest } from './hooks.ts'

/**
 * Enhanced authentication (§4.12): how a client proves who it is in several steps, by a method that
 * CONNECT names.
 *
 * @example
 * ```ts
 * const challenge: AuthenticationMethod = {
 *   name: 'CHALLENGE',
 *   begin: ({ clientId }) => ({
 *     next: (data) =>
 *       data === undefined
 *         ? { kind: 'continue', data: Buffer.from('which?') }
 *         : { kind: 'success', userName: clientId },
 *   }),
 * }
 * broker.use({ name: 'challenge', authenticationMethods: [challenge] })
 * ```
 */
export interface AuthenticationMethod {
  /** The Authentication Method as clients name it, such as `SCRAM-SHA-256`. */
  readonly name: string
  /** A client begins: with CONNECT, or anew with AUTH 0x19. */
  begin(connect: ConnectRequest): AuthenticationExchange
}

/** One run of an {@link AuthenticationMethod} with one client. */
export interface AuthenticationExchange {
  /**
   * The client's next step. One that throws, rejects or does not answer in time fails.
   * @param data - Authentication Data, `undefined` where it sent none.
   */
  next(data: Uint8Array | undefined): AuthenticationStep | Promise<AuthenticationStep>
}

/**
 * What follows a step: the client has to answer; it is who it says, and is known as `userName` from now
 * on; or it is not, for a Reason Code of CONNACK (default 0x87).
 */
export type AuthenticationStep =
  | { readonly kind: 'continue'; readonly data?: Uint8Array }
  | { readonly kind: 'success'; readonly userName?: string; readonly data?: Uint8Array }
  | { readonly kind: 'failure'; readonly reasonCode?: number }

/** The last of an exchange. */
export type AuthenticationEnd = Exclude<AuthenticationStep, { kind: 'continue' }>

/** Steps of one exchange: no method needs as many. */
const MOST_STEPS = 16

/** What a connection remembers of the method that its CONNECT named. */
export interface Authentication {
  readonly method: AuthenticationMethod
  readonly connect: ConnectRequest
  /** `null` while none is under way. */
  running: Running | null
}

interface Running {
  readonly exchange: AuthenticationExchange
  readonly end: (step: AuthenticationEnd) => void
  /** Of an exchange after CONNACK; before, the connection has one for all of it. */
  readonly deadline: Deadline | null
  steps: number
}

/** The exchange that a CONNECT begins. @param end - called with its outcome. */
export function beginAuthentication(
  connection: Connection,
  method: AuthenticationMethod,
  connect: ConnectRequest,
  data: Uint8Array | undefined,
  end: (step: AuthenticationEnd) => void,
): void {
  connection.authentication = { method, connect, running: null }
  run(connection, connection.authentication, data, null, end)
}

/** AUTH (§3.15): the client's next step, or, with 0x19, the first of a new exchange. */
export function handleAuth(connection: Connection): void {
  const { authentication, decoder, context } = connection
  if (authentication === null) {
    connection.violate(ReasonCode.ProtocolError, 'AUTH without a method') // [MQTT-4.12.0-7]
    return
  }
  const packet = decodeAuth(context, decoder.bytes, decoder.start, decoder.end)
  if (typeof packet === 'number') {
    connection.fail(packet)
    return
  }
  const { authenticationMethod, authenticationData } = packet.properties
  if (authenticationMethod !== authentication.method.name) {
    // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
    connection.violate(ReasonCode.ProtocolError, 'another Authentication Method')
  } else if (!isDue(connection, authentication, packet)) {
    connection.violate(ReasonCode.ProtocolError, 'AUTH out of turn')
  } else if (authentication.running !== null) {
    advance(connection, authentication, authentication.running, authenticationData)
  } else {
    reauthenticate(connection, authentication, authenticationData)
  }
}

/** 0x18 answers the broker; 0x19 begins anew, once CONNACK is sent and nothing is under way. */
function isDue({ phase }: Connection, { running }: Authentication, { reasonCode }: Auth): boolean {
  if (running !== null) return reasonCode === ReasonCode.ContinueAuthentication
  return phase === 'connected' && reasonCode === ReasonCode.ReAuthenticate
}

/**
 * §4.12.1. The client stays who it is: a session belongs to who began it, so that another identity is
 * refused as a failure is [MQTT-4.12.1-2].
 */
function reauthenticate(
  connection: Connection,
  authentication: Authentication,
  data: Uint8Array | undefined,
): void {
  const { engine } = connection
  const late = () => connection.disconnect(ReasonCode.NotAuthorized, 'authentication took too long')
  const deadline = engine.deadlines.create(late)
  deadline.set(engine.now() + engine.settings.connectTimeoutMs)
  run(connection, authentication, data, deadline, (step) => {
    if (step.kind === 'failure') {
      const { reasonCode = ReasonCode.NotAuthorized } = step
      const isFit = isReasonCodeOf(PacketType.Disconnect, reasonCode, Sender.Server)
      const code = isFit ? reasonCode : ReasonCode.NotAuthorized
      connection.disconnect(code as ReasonCode, 're-authentication failed')
    } else if ((step.userName ?? connection.client.userName) !== connection.client.userName) {
      connection.disconnect(ReasonCode.NotAuthorized, 're-authenticated as somebody else')
    } else {
      send(connection, authentication, ReasonCode.Success, step.data)
    }
  })
}

function run(
  connection: Connection,
  authentication: Authentication,
  data: Uint8Array | undefined,
  deadline: Deadline | null,
  end: (step: AuthenticationEnd) => void,
): void {
  const exchange = connection.engine.hooks.beginExchange(
    authentication.method,
    authentication.connect,
  )
  authentication.running = { exchange, end, deadline, steps: 0 }
  advance(connection, authentication, authentication.running, data)
}

function advance(
  connection: Connection,
  authentication: Authentication,
  running: Running,
  data: Uint8Array | undefined,
): void {
  if (++running.steps > MOST_STEPS) {
    connection.violate(ReasonCode.ProtocolError, 'too many steps of authentication')
    return
  }
  // The chunk is gone when a method asks for it later.
  const own = data === undefined ? undefined : Uint8Array.from(data)
  const { hooks } = connection.engine
  const next = hooks.nextStep(authentication.method, running.exchange, own)
  if (next instanceof Promise) {
    connection.wait(next, (step) => take(connection, authentication, running, step))
  } else {
    take(connection, authentication, running, next)
  }
}

function take(
  connection: Connection,
  authentication: Authentication,
  running: Running,
  step: AuthenticationStep,
): void {
  if (connection.phase === 'closed') return // by the method itself, as it may
  if (step.kind === 'continue') {
    connection.awaitAuth()
    send(connection, authentication, ReasonCode.ContinueAuthentication, step.data) // [MQTT-4.12.0-2]
    return
  }
  authentication.running = null
  running.deadline?.cancel()
  running.end(step)
}

function send(
  connection: Connection,
  { method }: Authentication,
  reasonCode: number,
  authenticationData: Uint8Array | undefined,
): void {
  const properties = { authenticationMethod: method.name, authenticationData }
  const isSent = connection.writer.auth({ type: 'auth', reasonCode, properties })
  if (!isSent) connection.abandon('Maximum Packet Size leaves no room for AUTH')
}
