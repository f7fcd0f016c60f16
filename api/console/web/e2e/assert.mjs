/** assert throws with a message that says what was expected. */
export function assert(condition, message) {
  if (!condition) throw new Error(message);
}
