// Moves the player's position with real time: it plays, and glides from one happening to the next.

/**
 * @import { Position } from "./types.js"
 * @import { Player } from "./widget.js"
 */

const GLIDE_MILLISECONDS = 300; // how long one step takes, so that the eye can follow it
const MAX_FRAME_MILLISECONDS = 100; // a tab that was in the background continues where it was

/**
 * A step under way.
 *
 * @typedef {{ from: Position, to: Position, begun: number }} Glide
 */

export class Playback {
  /** @param {Player} player */
  constructor(player) {
    this.player = player;
    this.isPlaying = false;
    this.byItself = false; // whether it plays without having been asked to
    /** @type {Glide | null} */
    this.glide = null;
    this.frame = 0; // the animation frame that was requested; 0 if none
    this.lastFrame = 0; // its time, in milliseconds
  }

  /** @param {{ byItself?: boolean }} options */
  play({ byItself = false } = {}) {
    this.glide = null;
    this.byItself = byItself;
    this.isPlaying = true;
    this.player.showPlaying();
    this.lastFrame = performance.now();
    this.requestFrame();
  }

  /** Stops, and returns whether it was playing. */
  pause() {
    this.glide = null;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const wasPlaying = this.isPlaying;
    this.isPlaying = false;
    if (wasPlaying) this.player.showPlaying();
    return wasPlaying;
  }

  requestFrame() {
    this.frame ||= requestAnimationFrame((now) => {
      this.frame = 0;
      const elapsed = Math.max(0, Math.min(now - this.lastFrame, MAX_FRAME_MILLISECONDS));
      if (this.glide) this.drawGlide(this.glide, now);
      else if (this.isPlaying) this.advance(elapsed / 1000);
      this.lastFrame = now;
      if (this.isPlaying || this.glide) this.requestFrame();
    });
  }

  /** @param {number} seconds */
  advance(seconds) {
    const { player } = this;
    const { navigation, isQuiet } = player;
    player.moveTo(navigation.advance(player.position, seconds, { ...player.options(), quiet: isQuiet }));
    if (player.position.time >= player.navigation.end) player.reachEnd();
  }

  /** Where the reader is going: the end of a glide, or the current position. */
  get goal() {
    return this.glide?.to ?? this.player.position;
  }

  /** @param {Position} to */
  glideTo(to) {
    this.pause();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.player.arriveAt(to);
      return;
    }
    this.glide = { from: this.player.position, to, begun: performance.now() };
    this.requestFrame();
  }

  /** Stops a glide where it is, after the trace that it belongs to has been replaced. */
  cancelGlide() {
    this.glide = null;
  }

  /**
   * @param {Glide} glide
   * @param {number} now
   */
  drawGlide({ from, to, begun }, now) {
    const share = Math.min(1, (now - begun) / GLIDE_MILLISECONDS);
    if (share >= 1) {
      this.player.arriveAt(to);
      return;
    }
    const time = from.time + (to.time - from.time) * Math.max(0, share) * (2 - share);
    const { number } = this.player.navigation.positionAt(time);
    const [low, high] = [Math.min(from.number, to.number), Math.max(from.number, to.number)];
    this.player.moveTo({ number: Math.min(high, Math.max(low, number)), time });
  }
}
