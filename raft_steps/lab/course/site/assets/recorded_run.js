// Plays the recorded runs of a page. Each picture of a player gets a button, which replaces it by the player itself: the
// same JavaScript as in JupyterLab (player.js), with a stand-in for the model that a kernel would provide.

import player from "./player.js";
import { StoredModel } from "./stored_model.js";

const HERE = new URL(".", import.meta.url);

/**
 * Loads a file of a run.
 *
 * @param {string} name
 * @returns {Promise<Response>}
 */
async function load(name) {
  const answer = await fetch(new URL(`runs/${name}`, HERE));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer;
}

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
function makeOptions(model) {
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
 * Replaces a picture by its player.
 *
 * @param {HTMLElement} place
 */
async function openPlayer(place) {
  const name = place.dataset.run;
  const [trace, state] = await Promise.all([
    load(`${name}.ndjson`).then((answer) => answer.arrayBuffer()),
    load(`${name}.json`).then((answer) => answer.json()),
  ]);
  const model = new StoredModel({ ...state, live: {}, trace: new DataView(trace) });
  const ring = document.createElement("div");
  place.replaceChildren(ring, makeOptions(model));
  player.render({ model, el: ring });
  place.dataset.playing = "1";
  /** @type {HTMLElement | null} */ (ring.querySelector("button"))?.focus();
}

/** @param {HTMLElement} place */
function addPlayButton(place) {
  const note = Object.assign(document.createElement("span"), { className: "raft-run-note" });
  note.setAttribute("role", "status");
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "raft-run-play",
    textContent: "▶ Play this run",
  });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await openPlayer(place);
    } catch (error) {
      console.error(error);
      button.disabled = false;
      note.textContent = "The run could not be loaded. Check the connection, and try again.";
    }
  });
  place.append(button, note);
}

// The player takes its dark colours from JupyterLab's mark of a dark theme. The book's own mark is light, dark or auto.
const darkSystem = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  const { theme } = document.body.dataset;
  const isDark = theme === "dark" || (theme !== "light" && darkSystem.matches);
  for (const place of places) place.dataset.jpThemeLight = String(!isDark);
}

/** @type {NodeListOf<HTMLElement>} */
const places = document.querySelectorAll(".raft-run");
for (const place of places) addPlayButton(place);
new MutationObserver(followTheme).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
darkSystem.addEventListener("change", followTheme);
followTheme();
