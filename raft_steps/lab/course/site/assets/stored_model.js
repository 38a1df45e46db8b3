// The state of a player in a page without Jupyter: what the player needs of anywidget's model, and nothing else.

/**
 * @typedef {(...values: any[]) => void} Handler
 */

export class StoredModel {
  /** @param {Record<string, any>} state */
  constructor(state) {
    this.state = state;
    /** @type {Map<string, Set<Handler>>} */
    this.handlers = new Map();
    /** @type {((content: unknown) => void) | null} */
    this.ask = null; // sends a request to Python, once it has started
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
    this.notify(`change:${name}`);
  }

  /**
   * Calls the handlers of an event.
   *
   * @param {string} name
   * @param {unknown[]} values
   */
  notify(name, ...values) {
    for (const handler of [...(this.handlers.get(name) ?? [])]) handler(...values);
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

  /** @param {unknown} content */
  send(content) {
    if (!this.ask) throw new Error("Python has not started, so nothing can answer.");
    this.ask(content);
  }
}
