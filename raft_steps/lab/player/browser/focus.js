// Keeps the focus inside the player once it is there. JupyterLab takes letters that are typed anywhere else as commands: X
// cuts a cell, player included. So a click on anything in the player leaves the focus in it, and when the element that has
// the focus disappears, another one gets it.

import { closestTo } from "./dom.js";
import { focusLine } from "./keyboard.js";

// What names a line of a list: when the list is drawn again, the line with the same name gets the focus.
const NAMES = ["index", "at", "event", "switch", "compare"];

export class FocusKeeper {
  /**
   * @param {HTMLElement} root which can have the focus itself, so that a click on a place without a control gives it to it
   * @param {object} handlers
   * @param {() => void} handlers.focusPicture gives the focus to what Tab stops at in the picture
   * @param {(why: string) => void} handlers.refuse called when a button that is not available is pressed
   */
  constructor(root, handlers) {
    this.root = root;
    this.handlers = handlers;
    /** @type {HTMLElement | SVGElement | null} */
    this.held = null; // what has the focus in the player
    this.byKey = false; // whether the reader's last input was a key
    root.tabIndex = -1;
    root.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLElement || target instanceof SVGElement) this.held = target;
    });
    root.addEventListener("focusout", ({ relatedTarget }) => {
      // The browser also reports this when an element is hidden; whether it is, shows only after this event.
      if (relatedTarget === null) queueMicrotask(() => this.check());
    });
    root.addEventListener("pointerdown", () => this.recordInput(false), { capture: true });
    root.addEventListener("keydown", () => this.recordInput(true), { capture: true });
    root.addEventListener("click", (event) => this.refuse(event), { capture: true });
    root.addEventListener("click", (event) => this.release(event));
    this.observer = new MutationObserver(() => this.check());
    this.observer.observe(root, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  }

  /** @param {boolean} byKey */
  recordInput(byKey) {
    this.byKey = byKey;
  }

  /** Gives the focus to another element if the one that had it has gone; forgets it if the reader has left the player. */
  check() {
    const { held, root } = this;
    const active = root.ownerDocument.activeElement;
    if (!held || (active && root.contains(active))) return;
    this.held = null;
    const hasNothing = active === null || active === root.ownerDocument.body;
    if (hasNothing && root.isConnected && (!held.isConnected || held.getClientRects().length === 0)) this.handOn(held);
  }

  /** @param {HTMLElement | SVGElement} gone */
  handOn(gone) {
    const name = NAMES.find((each) => gone.dataset[each] !== undefined);
    const twin = name && this.root.querySelector(`[data-${name}="${gone.dataset[name]}"]`);
    if (twin instanceof HTMLElement && twin.getClientRects().length) focusLine(twin);
    else if (this.byKey) this.handlers.focusPicture();
    else this.focusRoot();
  }

  /**
   * Stops a press on a button that is not available: it stays focusable, so that its title can be read and the keys work.
   *
   * @param {MouseEvent} event
   */
  refuse(event) {
    const button = closestTo(event, "[aria-disabled='true']");
    if (!button) return;
    event.stopPropagation();
    event.preventDefault();
    this.handlers.refuse(button.getAttribute("title") ?? "");
    this.release(event);
  }

  /**
   * Takes the focus from a button that was pressed with the mouse, so that Space plays then and does not press it again.
   *
   * @param {MouseEvent} event
   */
  release(event) {
    const isMouse = event.detail > 0;
    if (isMouse && closestTo(event, "button") === this.root.ownerDocument.activeElement) this.focusRoot();
  }

  focusRoot() {
    this.root.focus({ preventScroll: true });
  }

  close() {
    this.observer.disconnect();
  }
}
