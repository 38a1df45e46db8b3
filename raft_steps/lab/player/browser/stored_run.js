// Plays a run that is stored in a notebook's output (stored_run.py), without a kernel; and hides such an output while the
// live player of the same cell is on the page.

/** @import { Model, Traits } from "./types.js" */

import { html } from "./dom.js";

/**
 * Makes what the player needs of a model, from the values that are stored.
 *
 * @param {Traits} state
 * @returns {Model}
 */
export function makeStoredModel(state) {
  /** @type {Map<string, Set<() => void>>} */
  const handlers = new Map();
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const handler of handlers.get(`change:${name}`) ?? []) handler();
    },
    on(/** @type {string} */ event, /** @type {any} */ handler) {
      handlers.set(event, (handlers.get(event) ?? new Set()).add(handler));
    },
    off(event, handler) {
      handlers.get(event)?.delete(handler);
    },
    send() {
      throw new Error("A stored run has no kernel.");
    },
    save_changes: () => undefined, // No kernel has a copy.
  };
}

/**
 * Hides the stored run of a live player in all of the document, and returns a function that shows it again. Where a page is
 * taken apart without calling that, the stored run itself does so when it is drawn again: see stored_run.py.
 *
 * @param {HTMLElement} player
 * @param {string} name the stored run's id, or ""
 */
export function hideStoredRun(player, name) {
  player.dataset.stored = name;
  if (!name) return () => undefined;
  const rules = [`#${name} { display: none; }`, `.jp-OutputArea-child:has(#${name}) { display: none; }`];
  const style = html("style", { id: `${name}-hidden` }, rules.join("\n"));
  document.head.append(style);
  return () => style.remove();
}
