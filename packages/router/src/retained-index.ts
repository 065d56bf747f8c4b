import type { Message } from './message.ts'

/**
 * The retained messages (§3.3.1.3), by Topic Name: one node a level, so that a filter with wildcards
 * finds its matches without looking at all others. Keeps what it is given: expiry, limits and the
 * Store are the broker's business.
 */
class Node {
  readonly parent: Node | null
  readonly level: string
  readonly children = new Map<string, Node>()
  message: Message | null = null
  /** When it was set: these only grow. */
  order = 0

  constructor(parent: Node | null, level: string) {
    this.parent = parent
    this.level = level
  }
}

/**
 * Retained messages, found by Topic Name or by filter.
 *
 * @example
 * ```ts
 * import { RetainedIndex } from '@promptmq/router'
 *
 * const index = new RetainedIndex()
 * for (const { topicName, payload } of index.match('plant/+/temp')) console.log(topicName, payload)
 * index.get('plant/3/temp') // null: nothing is retained
 * ```
 */
export class RetainedIndex {
  readonly #root = new Node(null, '')
  #count = 0
  #byteSize = 0
  #order = 0

  get count(): number {
    return this.#count
  }

  /** Topic Names, properties and payloads, in bytes. */
  get byteSize(): number {
    return this.#byteSize
  }

  get(topicName: string): Message | null {
    return this.#find(topicName)?.message ?? null
  }

  /** @returns the message that was replaced, `null` for none. */
  set(message: Message): Message | null {
    let node = this.#root
    for (const level of message.topicName.split('/')) {
      let child = node.children.get(level)
      if (child === undefined) {
        child = new Node(node, level)
        node.children.set(level, child)
      }
      node = child
    }
    const former = node.message
    node.message = message
    node.order = ++this.#order
    this.#byteSize += message.size - (former?.size ?? 0)
    if (former === null) this.#count++
    return former
  }

  /** @returns the message that was deleted, `null` for none. */
  delete(topicName: string): Message | null {
    let node = this.#find(topicName)
    const former = node?.message ?? null
    if (node === null || former === null) return null
    node.message = null
    this.#count--
    this.#byteSize -= former.size
    while (node.parent !== null && node.message === null && node.children.size === 0) {
      node.parent.children.delete(node.level)
      node = node.parent
    }
    return former
  }

  /**
   * What matches a filter, one by one: the caller may stop in between, for as long as it likes, and
   * messages may come and go meanwhile. One that came after this call is not seen. All that it holds
   * is one iterator a level.
   */
  match(filter: string): Generator<Message, void, undefined> {
    return this.#walk(filter, this.#order)
  }

  *#walk(filter: string, until: number): Generator<Message, void, undefined> {
    const levels = filter.split('/')
    const stack: Visit[] = [{ nodes: [this.#root].values(), depth: 0 }]
    for (let visit = stack.at(-1); visit !== undefined; visit = stack.at(-1)) {
      const { nodes, depth } = visit
      const { done, value: node } = nodes.next()
      if (done) {
        stack.pop()
        continue
      }
      if (levels[depth - 1] === '+' && !visible(node)) continue
      const level = levels[depth]
      if (level === undefined) {
        if (isSeen(node, until)) yield node.message
      } else if (level === '#') {
        yield* below(node, until)
      } else if (level === '+') {
        stack.push({ nodes: node.children.values(), depth: depth + 1 })
      } else {
        const child = node.children.get(level)
        if (child !== undefined) stack.push({ nodes: [child].values(), depth: depth + 1 })
      }
    }
  }

  #find(topicName: string): Node | null {
    let node = this.#root
    for (const level of topicName.split('/')) {
      const child = node.children.get(level)
      if (child === undefined) return null
      node = child
    }
    return node
  }
}

/** Nodes that match the first `depth` levels of a filter. */
interface Visit {
  readonly nodes: IterableIterator<Node>
  readonly depth: number
}

/** [MQTT-4.7.2-1] no wildcard at the first level matches a Topic Name that begins with `$`. */
function visible(node: Node): boolean {
  return node.parent!.parent !== null || !node.level.startsWith('$')
}

/** There is a message, and it was there at the time. */
function isSeen(node: Node, until: number): node is Node & { message: Message } {
  return node.message !== null && node.order <= until
}

/** The messages of a node itself and of all below it. */
function* below(top: Node, until: number): Generator<Message, void, undefined> {
  if (isSeen(top, until)) yield top.message
  const stack = [top.children.values()]
  for (let values = stack.at(-1); values !== undefined; values = stack.at(-1)) {
    const { done, value: node } = values.next()
    if (done) {
      stack.pop()
    } else if (visible(node)) {
      if (isSeen(node, until)) yield node.message
      if (node.children.size > 0) stack.push(node.children.values())
    }
  }
}
