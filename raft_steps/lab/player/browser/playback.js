// The reader's clock: playing, and gliding from one happening to the next. Where it leads, navigation.js says; what is
// drawn there, the stage does.

const GLIDE_MILLISECONDS = 300; // how long one step takes, so that the eye can follow it
const FRAME_MILLISECONDS_MAX = 100; // a tab that slept goes on where it was

export class Playing {
  // stage: {journey, position, quiet, options(), moveTo(position), arrive(position), showPlaying(), atEnd(), isOpen()}.
  constructor(stage) {
    Object.assign(this, { stage, frame: null, playing: false, glide: null, last: 0 });
  }

  play() {
    this.glide = null;
    this.playing = true;
    this.stage.showPlaying();
    this.last = performance.now();
    this.awaitFrame();
  }

  // Stops; says whether it was playing.
  pause() {
    this.glide = null;
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    const before = this.playing;
    this.playing = false;
    if (before) this.stage.showPlaying();
    return before;
  }

  awaitFrame() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      if (this.glide) this.glideOn(now);
      else if (this.playing) this.playOn(Math.max(0, Math.min(now - this.last, FRAME_MILLISECONDS_MAX)) / 1000);
      this.last = now;
      if (this.playing || this.glide) this.awaitFrame();
    });
  }

  playOn(seconds) {
    const { stage } = this;
    stage.moveTo(stage.journey.advance(stage.position, seconds, { ...stage.options(), quiet: stage.quiet }));
    if (stage.position.time >= stage.journey.end) stage.atEnd();
  }

  // Where the reader is going: the end of a glide, or where one is.
  get goal() {
    return this.glide?.to ?? this.stage.position;
  }

  glideTo(to) {
    this.pause();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.stage.arrive(to);
      return;
    }
    this.glide = { from: this.stage.position, to, begun: performance.now() };
    this.awaitFrame();
  }

  glideOn(now) {
    const { from, to, begun } = this.glide;
    const share = Math.min(1, (now - begun) / GLIDE_MILLISECONDS);
    if (share >= 1) {
      this.stage.arrive(to);
      return;
    }
    const time = from.time + (to.time - from.time) * Math.max(0, share) * (2 - share);
    const { number } = this.stage.journey.at(time);
    const [low, high] = [from.number, to.number].sort((a, b) => a - b);
    this.stage.moveTo({ number: Math.min(high, Math.max(low, number)), time });
  }
}
