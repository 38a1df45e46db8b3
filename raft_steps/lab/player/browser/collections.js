// Lookups in maps and in sorted lists.

/**
 * Returns the value of a key that must be in a map: a missing key is a bug, and throws here rather than wherever
 * `undefined` would be used.
 *
 * @template K, V
 * @param {ReadonlyMap<K, V>} map
 * @param {K} key
 * @returns {V}
 */
export function getValue(map, key) {
  const value = map.get(key);
  if (value === undefined) throw new Error(`there is no ${key}`);
  return value;
}

/**
 * Returns the index of the last item of a list for which a condition holds, or -1. The list is sorted such that it holds
 * for all items before that one.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => boolean} holds
 * @returns {number}
 */
export function lastIndexWhere(items, holds) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
