// The state of a player in a page without a kernel: what the player needs of anywidget's model, and nothing else.

/**
 * @typedef {(...values: any[]) => void} Handler
 */

export class StoredModel {
  /** @param {Record<string, any>} state */
  constructor(state) {
    this.state = state;
    /** @type {Map<string, Set<Handler>>} */
    this.handlers = new Map();
  }

  /** @param {string} name */
  get(name) {
    return this.state[name];
  }

  /**
   * Sets a value, and calls the handlers of its change.
   *
   * @param {string} name
   * @param {unknown} value
   */
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    for (const handler of [...(this.handlers.get(`change:${name}`) ?? [])]) handler();
  }

  /**
   * @param {string} name
   * @param {Handler} handler
   */
  on(name, handler) {
    const handlers = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, handlers.add(handler));
  }

  /**
   * @param {string} name
   * @param {Handler} handler
   */
  off(name, handler) {
    this.handlers.get(name)?.delete(handler);
  }

  /** Does nothing: no kernel has a copy of the state. */
  save_changes() {
    return this;
  }

  /** @returns {never} */
  send() {
    throw new Error("A stored run has no kernel that could answer.");
  }
}
