// Shows the outputs of cells that Python in the page has run, players included.

/** @import { Output } from "./page_python.js" */

import { showLivePlayer } from "./page_player.js";
import { joinSession } from "./page_python.js";
import { StoredModel } from "./stored_model.js";

/**
 * Appends the outputs of a cell to a place.
 *
 * @param {HTMLElement} place
 * @param {Output[]} outputs
 */
export function showOutputs(place, outputs) {
  for (const output of outputs) {
    if (output.kind === "player") {
      showPlayer(place, output);
      continue;
    }
    const block = document.createElement(output.html ? "div" : "pre");
    block.className = `raft-output raft-output-${output.kind}`;
    if (output.html)
      block.innerHTML = output.html; // The laboratory's own: it escapes whatever a Node contains.
    else Object.assign(block, { textContent: output.text, tabIndex: 0 });
    place.append(block);
  }
}

/**
 * @param {HTMLElement} place
 * @param {Output} output
 */
function showPlayer(place, { session = "", options }) {
  const frame = Object.assign(document.createElement("div"), { className: "raft-run" });
  const { jpThemeLight } = /** @type {HTMLElement | null} */ (document.querySelector(".raft-run"))?.dataset ?? {};
  frame.dataset.jpThemeLight = jpThemeLight ?? "true";
  place.append(frame);
  const model = new StoredModel({ ...options, chapter: 0, live: {} });
  showLivePlayer(frame, model, (receive) => joinSession(session, receive));
}
