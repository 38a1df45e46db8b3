// What all players of a page have in common: the way from Python to the player.

/** @import { News } from "./page_python.js" */
/** @import { StoredModel } from "./stored_model.js" */

import player from "./player.js";

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
  place.replaceChildren(ring);
  player.render({ model, el: ring });
  place.dataset.live = "1";
}
