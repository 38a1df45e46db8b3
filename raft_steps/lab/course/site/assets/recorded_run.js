// Plays the recorded runs of a page. Each picture of a player gets a button, which replaces it by the player itself: the
// same JavaScript as in JupyterLab (player.js), with a stand-in for the model that a kernel would provide. Another button
// starts Python in the page, which repeats the run; from then on the player can do what it can do in a notebook.

import { receiveNews, showLivePlayer } from "./page_player.js";
import { steer } from "./page_python.js";
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
  place.replaceChildren(ring);
  const close = player.render({ model, el: ring });
  if (state.scenario) place.append(makeSteerButton(place, model, close));
  place.dataset.playing = "1";
  /** @type {HTMLElement | null} */ (ring.querySelector("button"))?.focus();
}

/**
 * Makes the button that starts Python, and the player that Python answers.
 *
 * @param {HTMLElement} place
 * @param {StoredModel} stored
 * @param {() => void} close
 */
function makeSteerButton(place, stored, close) {
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "raft-run-steer",
    textContent: "Steer this run",
    title: "Starts Python in this page: crash and cut off servers, branch, write as a client",
  });
  button.addEventListener("click", async () => {
    Object.assign(button, { disabled: true, textContent: "Python is starting …" });
    try {
      await openLivePlayer(place, stored, close);
    } catch (error) {
      console.error(error);
      Object.assign(button, { disabled: false, textContent: "Python did not start here. Try again" });
    }
  });
  return button;
}

/**
 * Replaces a player by one whose requests Python answers.
 *
 * @param {HTMLElement} place
 * @param {StoredModel} stored
 * @param {() => void} close
 */
async function openLivePlayer(place, stored, close) {
  const model = new StoredModel({ ...stored.state });
  const run = { scenario: stored.get("scenario"), step: stored.get("step") };
  const ask = await steer(run, (news) => receiveNews(model, news));
  close();
  showLivePlayer(place, model, () => ask);
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
