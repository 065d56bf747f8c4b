import { isReasonCodeOf, PacketType, ReasonCode, Sender } from '@promptmq/codec'
import type {
  AuthenticationExchange,
  AuthenticationMethod,
  AuthenticationStep,
} from './authentication.ts'
import type { Clock } from './clock.ts'
import type {
  ClientInfo,
  ConnectRequest,
  HookKind,
  Hooks,
  Publication,
  Redirection,
  SubscribeRequest,
} from './hooks.ts'
import type { Logger } from './options.ts'

/** The packet whose Reason Codes a decision may use. */
const ANSWERED_WITH = {
  authenticate: PacketType.Connack,
  authorizePublish: PacketType.Puback,
  authorizeSubscribe: PacketType.Suback,
} as const satisfies Record<HookKind, PacketType>

/** A Reason Code, or the promise of one, where a hook has to wait: below 0x80 it is allowed. */
export type Verdict = number | Promise<number>

/** Told the Server Reference of a {@link Redirection}. */
type Redirect = (serverReference: string) => void

const NOWHERE: Redirect = () => {}

interface Asked {
  readonly name: string
  readonly ask: (...subjects: never[]) => unknown
}

/** What is to become of the answer to one question. */
interface Question<Answer> {
  readonly kind: string
  /** @returns `undefined` where it is none that may be given. */
  read(value: unknown): Answer | undefined
  /** The answer of one that fails. */
  readonly refusal: Answer
}

const STEPS = ['continue', 'success', 'failure']

/**
 * The hooks of a broker in the order in which they were added: the first that denies has the say. One
 * that throws, rejects, hangs or answers junk denies, and the log tells of it.
 */
export class HookChain {
  readonly #hooks: Record<HookKind, Asked[]> = {
    authenticate: [],
    authorizePublish: [],
    authorizeSubscribe: [],
  }
  readonly #methods = new Map<string, AuthenticationMethod>()
  readonly #responseInformation: NonNullable<Hooks['responseInformation']>[] = []
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #logger: Logger
  /** Answers that were none, and so denied: thrown, rejected, late, junk. */
  failureCount = 0

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
    for (const method of hooks.authenticationMethods ?? []) this.#methods.set(method.name, method)
    if (hooks.responseInformation !== undefined) {
      this.#responseInformation.push(hooks.responseInformation.bind(hooks))
    }
  }

  /** Whether anybody decides about this. */
  has(kind: HookKind): boolean {
    return this.#hooks[kind].length > 0
  }

  /** Whether who connects has to prove who it is, one way or the other. */
  get authenticates(): boolean {
    return this.has('authenticate') || this.#methods.size > 0
  }

  /** @param redirect - told the Server Reference where the client is sent elsewhere. */
  authenticate(connect: ConnectRequest, redirect: Redirect): Verdict {
    if (!this.has('authenticate') && this.#methods.size > 0) return ReasonCode.NotAuthorized
    return this.#decide('authenticate', ReasonCode.Success, [connect], redirect)
  }

  authorizePublish(client: ClientInfo, publication: Publication): Verdict {
    return this.#decide('authorizePublish', ReasonCode.Success, [client, publication])
  }

  /** @returns the QoS to grant, or a Reason Code of 0x80 or above. */
  authorizeSubscribe(client: ClientInfo, subscription: SubscribeRequest): Verdict {
    return this.#decide('authorizeSubscribe', subscription.qos, [client, subscription])
  }

  responseInformation(client: ClientInfo): string | undefined {
    for (const ask of this.#responseInformation) {
      try {
        const information = ask(client)
        if (typeof information === 'string') return information
      } catch (error) {
        const none = { kind: 'responseInformation', refusal: undefined }
        this.#fail('responseInformation', none, 'threw', error)
      }
    }
    return undefined
  }

  authenticationMethod(name: string): AuthenticationMethod | undefined {
    return this.#methods.get(name)
  }

  beginExchange(method: AuthenticationMethod, connect: ConnectRequest): AuthenticationExchange {
    try {
      return method.begin(connect)
    } catch (error) {
      this.#fail(method.name, STEP, 'threw', error)
      return { next: () => STEP.refusal }
    }
  }

  nextStep(
    method: AuthenticationMethod,
    exchange: AuthenticationExchange,
    data: Uint8Array | undefined,
  ): AuthenticationStep | Promise<AuthenticationStep> {
    try {
      const step = exchange.next(data)
      return STEP.read(step) ?? this.#readLater(method.name, STEP, step)
    } catch (error) {
      return this.#fail(method.name, STEP, 'threw', error)
    }
  }

  /** Synchronous as long as the hooks are. */
  #decide(kind: HookKind, allowed: number, subjects: unknown[], redirect = NOWHERE): Verdict {
    const hooks = this.#hooks[kind]
    let granted = allowed
    for (let i = 0; i < hooks.length; i++) {
      const asked = this.#ask(hooks[i]!, kind, granted, subjects, redirect)
      if (typeof asked !== 'number') {
        return asked.then((code) => this.#decideRest(kind, code, subjects, redirect, i + 1))
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
    redirect: Redirect,
    from: number,
  ): Promise<number> {
    const hooks = this.#hooks[kind]
    let granted = first
    for (let i = from; i < hooks.length && granted < 0x80; i++) {
      granted = await this.#ask(hooks[i]!, kind, granted, subjects, redirect)
    }
    return granted
  }

  #ask(
    hook: Asked,
    kind: HookKind,
    allowed: number,
    subjects: unknown[],
    redirect: Redirect,
  ): Verdict {
    try {
      const decision = (hook.ask as (...subjects: unknown[]) => unknown)(...subjects)
      const code = readDecision(kind, allowed, decision, redirect)
      if (code !== undefined) return code
      const question: Question<number> = {
        kind,
        read: (value) => readDecision(kind, allowed, value, redirect),
        refusal: ReasonCode.NotAuthorized,
      }
      return this.#readLater(hook.name, question, decision)
    } catch (error) {
      return this.#fail(hook.name, { kind, refusal: ReasonCode.NotAuthorized }, 'threw', error)
    }
  }

  /** What is no answer at once may be the promise of one. */
  #readLater<Answer>(
    name: string,
    question: Question<Answer>,
    value: unknown,
  ): Answer | Promise<Answer> {
    if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function') {
      return this.#wait(name, question, value as PromiseLike<unknown>)
    }
    return this.#read(name, question, value)
  }

  #wait<Answer>(
    name: string,
    question: Question<Answer>,
    promise: PromiseLike<unknown>,
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(this.#timeoutMs, () =>
        resolve(this.#fail(name, question, `did not answer within ${this.#timeoutMs} ms`)),
      )
      const end = (answer: Answer) => {
        cancel()
        resolve(answer)
      }
      // What is only like a promise may throw, or answer twice: a real one does not.
      Promise.resolve(promise)
        .then((value) => this.#read(name, question, value))
        .then(end, (error) => end(this.#fail(name, question, 'rejected', error)))
    })
  }

  #read<Answer>(name: string, question: Question<Answer>, value: unknown): Answer {
    const answer = question.read(value)
    if (answer !== undefined) return answer
    return this.#fail(name, question, 'answered with what is no decision', value)
  }

  #fail<Answer>(
    name: string,
    { kind, refusal }: Pick<Question<Answer>, 'kind' | 'refusal'>,
    what: string,
    detail?: unknown,
  ): Answer {
    this.failureCount++
    this.#logger.error({ hook: name, kind, detail }, `hook '${name}' ${what}: denied`)
    return refusal
  }
}

const STEP: Question<AuthenticationStep> = {
  kind: 'authenticationMethods',
  read: (value) => {
    const step = value as AuthenticationStep | null | undefined
    return STEPS.includes(step?.kind as string) ? step! : undefined
  },
  refusal: { kind: 'failure' },
}

function readDecision(
  kind: HookKind,
  allowed: number,
  decision: unknown,
  redirect: Redirect,
): number | undefined {
  if (decision === true) return allowed
  if (decision === false) return ReasonCode.NotAuthorized
  if (kind === 'authenticate' && isRedirection(decision)) {
    redirect(decision.serverReference)
    return decision.reasonCode
  }
  const packet = ANSWERED_WITH[kind]
  if (typeof decision !== 'number' || !isReasonCodeOf(packet, decision, Sender.Server)) {
    return undefined
  }
  if (decision >= 0x80) return decision
  return kind === 'authorizeSubscribe' ? Math.min(allowed, decision) : undefined
}

function isRedirection(value: unknown): value is Redirection {
  const { reasonCode, serverReference } = (value ?? {}) as Record<string, unknown>
  return (
    typeof serverReference === 'string' &&
    (reasonCode === ReasonCode.UseAnotherServer || reasonCode === ReasonCode.ServerMoved)
  )
}
