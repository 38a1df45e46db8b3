// Starts a player by itself: one that a notebook has just made begins to play when most of its picture can be seen. It stops
// at the end of what is computed, because the cells below may go on with the same cluster; only the reader lets it run on.

/** @import { Player } from "./widget.js" */

const SEEN = 0.75; // the share of the picture that must be in view

/**
 * @param {Player} player
 * @returns {() => void} a function that stops waiting
 */
export function playWhenSeen(player) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (!player.model.get("fresh") || isCalm) return () => undefined;
  const observer = new IntersectionObserver(
    ([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      observer.disconnect();
      player.setOption("fresh", false);
      if (!player.isTouched) player.playback.play({ byItself: true });
    },
    { threshold: SEEN },
  );
  observer.observe(player.parts.picture);
  return () => observer.disconnect();
}
