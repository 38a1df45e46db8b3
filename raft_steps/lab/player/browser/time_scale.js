// The scale of the time line: time is stretched where much happens and shortened where nothing does, so that the first
// election of a run of ten minutes is as wide as that of a run of ten seconds. It draws nothing.

import { lastIndexWhere } from "./collections.js";

const NICE_STEPS = [1, 2, 5];
// A stretch of time is as wide as its length to this power: 100 times as long is only 10 times as wide.
const POWER = 0.5;

export class TimeScale {
  /**
   * @param {readonly number[]} times of what happens, in order
   * @param {number} end of the run
   */
  constructor(times, end) {
    this.knots = [0];
    for (const time of [...times, end]) if (time > (this.knots.at(-1) ?? 0) && time <= end) this.knots.push(time);
    this.places = [0]; // of the knots, from 0 to 1
    for (let index = 1; index < this.knots.length; index += 1) {
      this.places.push(this.places[index - 1] + (this.knots[index] - this.knots[index - 1]) ** POWER);
    }
    const width = this.places.at(-1) || 1;
    this.places = this.places.map((place) => place / width);
  }

  /**
   * Returns the place of a time, from 0 to 1.
   *
   * @param {number} time
   */
  place(time) {
    return interpolate(this.knots, this.places, time);
  }

  /**
   * Returns the time at a place.
   *
   * @param {number} place
   */
  time(place) {
    return interpolate(this.places, this.knots, place);
  }

  /**
   * Returns round times, in microseconds, that are at least some share of the width apart: first those that all stretches
   * have room for, then finer ones where time is stretched.
   *
   * @param {number} gap
   * @returns {number[]}
   */
  ticks(gap) {
    const end = this.knots.at(-1) ?? 0;
    /** @type {Map<number, number>} */
    const found = new Map([[0, 0]]); // the place of each time
    for (let size = 10 ** Math.floor(Math.log10(end || 1)); size >= end / 5000 && size >= 1000; size /= 10) {
      for (const step of NICE_STEPS.map((nice) => nice * size).reverse()) {
        for (let time = step; time < end && end / step < 2000; time += step) this.addTick(found, Math.round(time), gap);
      }
    }
    return [...found.keys()].sort((a, b) => a - b);
  }

  /**
   * @param {Map<number, number>} found
   * @param {number} time
   * @param {number} gap
   */
  addTick(found, time, gap) {
    const place = this.place(time);
    if (place > 1 - gap / 2) return;
    for (const other of found.values()) if (Math.abs(other - place) < gap) return;
    found.set(time, place);
  }
}

/**
 * Returns the value of a rising function, given by points, at x; constant beyond the points.
 *
 * @param {readonly number[]} xs
 * @param {readonly number[]} ys
 * @param {number} x
 */
function interpolate(xs, ys, x) {
  const index = lastIndexWhere(xs, (each) => each <= x);
  if (index < 0) return ys[0];
  if (index >= xs.length - 1) return ys[ys.length - 1];
  const share = (x - xs[index]) / (xs[index + 1] - xs[index]);
  return ys[index] + share * (ys[index + 1] - ys[index]);
}
