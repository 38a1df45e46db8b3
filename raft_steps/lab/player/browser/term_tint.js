// The colour of a term, which is the same in ring, logs and time line. There are six, and a term's number is always
// written, too.

const TINTS = 6;

/**
 * Returns the class that gives an element the colour of a term; that of term 0 if its Node has no terms.
 *
 * @param {number | undefined} term
 */
export function tintClass(term) {
  return `rp-tint-${Number.isInteger(term) ? (((term ?? 0) % TINTS) + TINTS) % TINTS : 0}`;
}
