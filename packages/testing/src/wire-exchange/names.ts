/** What a name stands for: a Packet Identifier, or a text such as an Assigned Client Identifier. */
export type NamedValue = number | string

/** How `@run` is written in a fixture: as many letters as it has when it runs. */
export const RUN_MARK = '@run'

/**
 * What the names of one execution stand for.
 *
 *   @run   four letters, new with each execution: no session or retained message of another is met
 *   $name  what the broker chose in a packet that was expected before
 */
export class Names {
  /** Four letters or digits. */
  readonly run: string
  readonly #values: Map<string, NamedValue>

  constructor(run: string, values: ReadonlyMap<string, NamedValue> = new Map()) {
    this.run = run
    this.#values = new Map(values)
  }

  /** @returns what it stands for, `undefined` while it stands for nothing. */
  get(name: string): NamedValue | undefined {
    return this.#values.get(name)
  }

  set(name: string, value: NamedValue): void {
    this.#values.set(name, value)
  }

  /** Whether any name stands for the value. */
  includes(value: NamedValue): boolean {
    return [...this.#values.values()].includes(value)
  }

  /** The same, to try something on. */
  copy(): Names {
    return new Names(this.run, this.#values)
  }

  /** Puts the letters of this execution in the place of `@run`. */
  fill(text: string): string {
    return text.replaceAll(RUN_MARK, this.run)
  }

  /** The other way round: what is written of an execution is the same for each. */
  strip(text: string): string {
    return text.replaceAll(this.run, RUN_MARK)
  }
}
