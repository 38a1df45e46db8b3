// What all players of a page have in common: the controls below the drawing, and the way from Python to the player.

/** @import { News } from "./page_python.js" */
/** @import { StoredModel } from "./stored_model.js" */

import player from "./player.js";

/**
 * Makes an input with its label.
 *
 * @param {string} text
 * @param {{ type: string, checked?: boolean, min?: string, max?: string, step?: string, value?: string }} properties
 * @param {(input: HTMLInputElement) => void} onInput
 */
function labelledInput(text, properties, onInput) {
  const input = document.createElement("input");
  Object.assign(input, properties);
  input.addEventListener("input", () => onInput(input));
  const label = document.createElement("label");
  label.append(text, " ", input);
  return label;
}

/**
 * Makes a checkbox that sets a value of the model.
 *
 * @param {StoredModel} model
 * @param {string} name
 * @param {string} text
 */
function labelledCheckbox(model, name, text) {
  return labelledInput(text, { type: "checkbox", checked: model.get(name) }, (input) => model.set(name, input.checked));
}

/**
 * Makes the controls that ipywidgets draw below the player in a notebook.
 *
 * @param {StoredModel} model
 */
export function makeOptions(model) {
  const bar = Object.assign(document.createElement("div"), { className: "raft-run-options" });
  const range = { type: "range", min: "-4", max: "4", step: "0.5", value: String(Math.log2(model.get("speed"))) };
  bar.append(
    labelledInput("speed", range, (input) => model.set("speed", 2 ** Number(input.value))),
    labelledCheckbox(model, "hurry", "speed up quiet periods"),
    labelledCheckbox(model, "heartbeats", "heartbeats"),
  );
  return bar;
}

/**
 * Passes on what Python posts: first what the player opens with, then messages.
 *
 * @param {StoredModel} model
 * @param {News} news
 */
export function receiveNews(model, { kind, content, buffers }) {
  const views = buffers.map((each) => new DataView(each));
  if (kind === "message") {
    model.notify("msg:custom", content, views);
    return;
  }
  model.state.trace = views[0];
  model.set("live", content);
}

/**
 * Puts a player whose requests Python answers into a place.
 *
 * @param {HTMLElement} place
 * @param {StoredModel} model
 * @param {(receive: (news: News) => void) => (request: unknown) => void} join begins to receive what Python posts, and returns
 *   what sends a request
 */
export function showLivePlayer(place, model, join) {
  model.ask = join((news) => receiveNews(model, news));
  const ring = document.createElement("div");
  place.replaceChildren(ring, makeOptions(model));
  player.render({ model, el: ring });
  place.dataset.live = "1";
}
