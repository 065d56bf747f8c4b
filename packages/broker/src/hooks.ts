import { isReasonCodeOf, PacketType, ReasonCode, Sender } from '@promptmq/codec'
import type { Clock } from './clock.ts'
import type { Logger } from './options.ts'

/** Who a hook decides about. */
export interface ClientInfo {
  readonly clientId: string
  /** As in CONNECT, `undefined` where it was not sent. */
  readonly userName: string | undefined
  /** 3: MQTT 3.1, 4: 3.1.1, 5: 5.0. */
  readonly protocolVersion: 3 | 4 | 5
  /** IP address and port, or what the transport calls its peer. */
  readonly remoteAddress: string
}

/** What {@link Hooks.authenticate} decides about: a CONNECT that is well-formed. */
export interface ConnectRequest extends ClientInfo {
  readonly password: Uint8Array | undefined
  readonly cleanStart: boolean
  /** Seconds. */
  readonly keepAlive: number
}

/** What {@link Hooks.authorizePublish} decides about: a PUBLISH, or the Will Message of a CONNECT. */
export interface Publication {
  readonly topicName: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly isWill: boolean
}

/** What {@link Hooks.authorizeSubscribe} decides about: one Topic Filter of a SUBSCRIBE. */
export interface SubscribeRequest {
  /** Without `$share/NAME/`: what is matched is what is decided about. */
  readonly topicFilter: string
  /** `undefined`: not shared. */
  readonly shareName: string | undefined
  readonly qos: 0 | 1 | 2
}

/**
 * `true` allows. `false` denies with 0x87 (Not authorized); a Reason Code of 0x80 or above that the
 * answering packet may carry denies with it. For a subscription 0, 1 or 2 allows with that QoS at
 * most. Anything else denies, and so does a hook that throws, rejects or does not answer in time.
 */
export type Decision = boolean | number

/**
 * Decides for the broker. Hooks of one kind are asked in the order in which they were registered;
 * the first that denies is the answer. A kind that nobody registered costs nothing.
 *
 * @example
 * ```ts
 * broker.use({
 *   name: 'acl',
 *   authenticate: ({ userName, password }) => users.check(userName, password),
 *   authorizePublish: (client, { topicName }) => topicName.startsWith(`device/${client.clientId}/`),
 * })
 * ```
 */
export interface Hooks {
  /** For log lines. */
  readonly name: string
  authenticate?(connect: ConnectRequest): Decision | Promise<Decision>
  authorizePublish?(client: ClientInfo, publication: Publication): Decision | Promise<Decision>
  authorizeSubscribe?(
    client: ClientInfo,
    subscription: SubscribeRequest,
  ): Decision | Promise<Decision>
}

/** The questions that hooks are asked. */
export type HookKind = 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'

/** The packet whose Reason Codes a decision may use. */
const ANSWERED_WITH = {
  authenticate: PacketType.Connack,
  authorizePublish: PacketType.Puback,
  authorizeSubscribe: PacketType.Suback,
} as const satisfies Record<HookKind, PacketType>

interface Asked {
  readonly name: string
  readonly ask: (...subjects: never[]) => unknown
}

/** A Reason Code, or the promise of one, where a hook has to wait: below 0x80 it is allowed. */
export type Verdict = number | Promise<number>

/**
 * The hooks of a broker in the order in which they were added: the first that denies has the say.
 */
export class HookChain {
  readonly #hooks: Record<HookKind, Asked[]> = {
    authenticate: [],
    authorizePublish: [],
    authorizeSubscribe: [],
  }
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #logger: Logger

  constructor(clock: Clock, timeoutMs: number, logger: Logger) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#logger = logger
  }

  use(hooks: Hooks): void {
    for (const kind of Object.keys(this.#hooks) as HookKind[]) {
      const ask = hooks[kind]
      if (ask !== undefined) {
        this.#hooks[kind].push({ name: hooks.name, ask: ask.bind(hooks) as Asked['ask'] })
      }
    }
  }

  /** Whether anybody decides about this. */
  has(kind: HookKind): boolean {
    return this.#hooks[kind].length > 0
  }

  authenticate(connect: ConnectRequest): Verdict {
    return this.#decide('authenticate', ReasonCode.Success, [connect])
  }

  authorizePublish(client: ClientInfo, publication: Publication): Verdict {
    return this.#decide('authorizePublish', ReasonCode.Success, [client, publication])
  }

  /** @returns the QoS to grant, or a Reason Code of 0x80 or above. */
  authorizeSubscribe(client: ClientInfo, subscription: SubscribeRequest): Verdict {
    return this.#decide('authorizeSubscribe', subscription.qos, [client, subscription])
  }

  /** Synchronous as long as the hooks are. */
  #decide(kind: HookKind, allowed: number, subjects: unknown[]): Verdict {
    const hooks = this.#hooks[kind]
    let granted = allowed
    for (let i = 0; i < hooks.length; i++) {
      const asked = this.#ask(hooks[i]!, kind, granted, subjects)
      if (typeof asked !== 'number') {
        return asked.then((code) => this.#decideRest(kind, code, subjects, i + 1))
      }
      if (asked >= 0x80) return asked
      granted = asked
    }
    return granted
  }

  async #decideRest(
    kind: HookKind,
    first: number,
    subjects: unknown[],
    from: number,
  ): Promise<number> {
    const hooks = this.#hooks[kind]
    let granted = first
    for (let i = from; i < hooks.length && granted < 0x80; i++) {
      granted = await this.#ask(hooks[i]!, kind, granted, subjects)
    }
    return granted
  }

  #ask(hook: Asked, kind: HookKind, allowed: number, subjects: unknown[]): Verdict {
    try {
      const decision = (hook.ask as (...subjects: unknown[]) => unknown)(...subjects)
      if (typeof (decision as PromiseLike<unknown> | null)?.then === 'function') {
        return this.#wait(hook, kind, allowed, decision as PromiseLike<unknown>)
      }
      return this.#judge(hook, kind, allowed, decision)
    } catch (error) {
      return this.#refuse(hook, kind, 'threw', error)
    }
  }

  #wait(
    hook: Asked,
    kind: HookKind,
    allowed: number,
    decision: PromiseLike<unknown>,
  ): Promise<number> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(this.#timeoutMs, () =>
        resolve(this.#refuse(hook, kind, `did not answer within ${this.#timeoutMs} ms`)),
      )
      const answer = (code: number) => {
        cancel()
        resolve(code)
      }
      decision.then(
        (value) => answer(this.#judge(hook, kind, allowed, value)),
        (error) => answer(this.#refuse(hook, kind, 'rejected', error)),
      )
    })
  }

  #judge(hook: Asked, kind: HookKind, allowed: number, decision: unknown): number {
    if (decision === true) return allowed
    if (decision === false) return ReasonCode.NotAuthorized
    if (
      typeof decision === 'number' &&
      isReasonCodeOf(ANSWERED_WITH[kind], decision, Sender.Server)
    ) {
      if (decision >= 0x80) return decision
      if (kind === 'authorizeSubscribe') return Math.min(allowed, decision)
    }
    return this.#refuse(hook, kind, 'answered with what is no decision', decision)
  }

  #refuse(hook: Asked, kind: HookKind, what: string, detail?: unknown): number {
    this.#logger.error({ hook: hook.name, kind, detail }, `hook '${hook.name}' ${what}: denied`)
    return ReasonCode.NotAuthorized
  }
}
