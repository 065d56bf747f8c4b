import { SharedGroup, type ShareOptions } from './shared-group.ts'
import { appendTo, removeFrom, replaceIn, type Subscription } from './subscription.ts'

/**
 * Every subscription of the broker, by Topic Filter (§4.7): one node a level.
 *
 *   sport/+/player   sport/#          root
 *                                      | sport
 *                                      *--------- hash: sport/#
 *                                      | plus
 *                                      *
 *                                      | player
 *                                      * sport/+/player
 *
 * Matching walks all nodes that a Topic Name can reach at once, level by level: each node is
 * visited at most once, so the cost is bounded by the live nodes on the way, never exponential in
 * the number of `+`. Nothing here recurses. Empty nodes are pruned, so the tree is empty when the
 * last subscription is gone.
 *
 * Invariant: every node but the root leads to a subscription; each is in a node's `subscriptions` or
 * is a member of one of its `groups`, which are never empty.
 */
class Node {
  readonly parent: Node | null
  /** Its key in the parent: a level's text, `+` or `#`. */
  readonly level: string
  children: Map<string, Node> | null = null
  plus: Node | null = null
  hash: Node | null = null
  readonly subscriptions: Subscription[] = []
  groups: SharedGroup[] | null = null

  constructor(parent: Node | null, level: string) {
    this.parent = parent
    this.level = level
  }

  get isEmpty(): boolean {
    return (
      this.subscriptions.length === 0 &&
      this.groups === null &&
      this.children === null &&
      this.plus === null &&
      this.hash === null
    )
  }

  child(level: string): Node | null {
    if (level === '+') return this.plus
    if (level === '#') return this.hash
    return this.children?.get(level) ?? null
  }

  addChild(level: string): Node {
    const node = new Node(this, level)
    if (level === '+') this.plus = node
    else if (level === '#') this.hash = node
    else {
      this.children ??= new Map()
      this.children.set(level, node)
    }
    return node
  }

  removeChild(level: string): void {
    if (level === '+') this.plus = null
    else if (level === '#') this.hash = null
    else {
      this.children!.delete(level)
      if (this.children!.size === 0) this.children = null
    }
  }
}

const DOLLAR = 0x24

/** What matched. Reused from match to match: take out what is needed before the next one. */
export class MatchResult {
  readonly subscriptions: Subscription[] = []
  readonly groups: SharedGroup[] = []

  clear(): void {
    // Setting the length of what is empty is a call all the same.
    if (this.subscriptions.length > 0) this.subscriptions.length = 0
    if (this.groups.length > 0) this.groups.length = 0
  }
}

/**
 * The subscriptions of a broker: who matches a Topic Name.
 *
 * @example
 * ```ts
 * import { MatchResult, TopicTree } from '@promptmq/router'
 *
 * const tree = new TopicTree()
 * const result = new MatchResult()
 * tree.match('plant/3/temp', result)
 * result.subscriptions.length // 0: nobody subscribed
 * ```
 */
export class TopicTree {
  readonly #root = new Node(null, '')
  #reached: Node[] = []
  #next: Node[] = []
  readonly #share: ShareOptions
  #version = 1
  #size = 0

  /** @param share - how shared groups choose. */
  constructor(share: ShareOptions = {}) {
    this.#share = share
  }

  /** Changes with every subscription: a cached match is good while it stays the same. */
  get version(): number {
    return this.#version
  }

  /** Subscriptions in the tree, members of shared groups included. */
  get size(): number {
    return this.#size
  }

  /** @returns true where nobody was interested in this filter before. */
  add(subscription: Subscription): boolean {
    this.#version++
    this.#size++
    const node = this.#nodeFor(subscription.filter)
    const isFirst = node.subscriptions.length === 0 && node.groups === null
    if (subscription.shareName === null) {
      appendTo(node.subscriptions, subscription)
      return isFirst
    }
    node.groups ??= []
    let group = node.groups.find((one) => one.shareName === subscription.shareName)
    if (group === undefined) {
      group = new SharedGroup(subscription.shareName, subscription.filter, this.#share)
      node.groups.push(group)
    }
    appendTo(group.members, subscription)
    return isFirst
  }

  /** Puts `next` in the place of a subscription with the same filter: nobody sees a gap. */
  replace(subscription: Subscription, next: Subscription): void {
    this.#version++
    replaceIn(subscription, next)
  }

  /** @returns true where nobody is interested in this filter any more. */
  remove(subscription: Subscription): boolean {
    const node = this.#nodeOf(subscription.filter)
    this.#version++
    this.#size--
    removeFrom(subscription)
    if (node.groups !== null && subscription.shareName !== null) {
      node.groups = node.groups.filter((group) => group.members.length > 0)
      if (node.groups.length === 0) node.groups = null
    }
    const isLast = node.subscriptions.length === 0 && node.groups === null
    this.#prune(node)
    return isLast
  }

  /** Collects into `result`, which is cleared first, every subscription and group that matches. */
  match(topicName: string, result: MatchResult): void {
    result.clear()
    // [MQTT-4.7.2-1] the first level of a `$` topic is matched by no wildcard.
    let wildcards = topicName.charCodeAt(0) !== DOLLAR
    this.#reached[0] = this.#root
    let count = 1
    const levels = topicName.split('/')
    for (let i = 0; i < levels.length && count > 0; i++) {
      count = this.#descend(levels[i]!, count, wildcards, result)
      wildcards = true
    }
    const reached = this.#reached
    for (let i = 0; i < count; i++) {
      const node = reached[i]!
      collect(node, result)
      // `a/#` matches `a` too (§4.7.1.2).
      if (node.hash !== null) collect(node.hash, result)
    }
  }

  /**
   * From the first `count` nodes reached to those that a level leads to. Both lists keep what was in
   * them: nodes, which are many and stay, and making new lists would cost as much as matching.
   *
   * @returns how many are reached now.
   */
  #descend(level: string, count: number, wildcards: boolean, result: MatchResult): number {
    const reached = this.#reached
    const next = this.#next
    let nextCount = 0
    for (let i = 0; i < count; i++) {
      const node = reached[i]!
      if (wildcards) {
        if (node.hash !== null) collect(node.hash, result)
        if (node.plus !== null) next[nextCount++] = node.plus
      }
      const child = node.children?.get(level)
      if (child !== undefined) next[nextCount++] = child
    }
    this.#reached = next
    this.#next = reached
    return nextCount
  }

  #nodeFor(filter: string): Node {
    let node = this.#root
    for (const level of filter.split('/')) node = node.child(level) ?? node.addChild(level)
    return node
  }

  /** The node of a filter that is in the tree. */
  #nodeOf(filter: string): Node {
    let node = this.#root
    for (const level of filter.split('/')) node = node.child(level)!
    return node
  }

  #prune(node: Node): void {
    let empty = node
    while (empty.parent !== null && empty.isEmpty) {
      empty.parent.removeChild(empty.level)
      empty = empty.parent
    }
  }

  /** Levels that exist, the root included: for tests and statistics. */
  countNodes(): number {
    let count = 0
    const stack = [this.#root]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      count++
      if (node.plus !== null) stack.push(node.plus)
      if (node.hash !== null) stack.push(node.hash)
      if (node.children !== null) for (const child of node.children.values()) stack.push(child)
    }
    return count
  }
}

function collect(node: Node, result: MatchResult): void {
  const { subscriptions } = node
  for (let i = 0; i < subscriptions.length; i++) result.subscriptions.push(subscriptions[i]!)
  if (node.groups !== null) for (const group of node.groups) result.groups.push(group)
}
