// The form for a new search, as far as it is no element: its sections, and messages in its words.

/** @typedef {Api.SubmitField} Field */

/**
 * The fields by section, in their order; the section without a name has those that are always shown.
 *
 * @param {Field[]} fields
 */
export function sectionsOf(fields) {
  /** @type {Map<string, Field[]>} */
  const found = new Map();
  for (const field of fields) found.set(field.section, [...(found.get(field.section) ?? []), field]);
  return found;
}

/**
 * A message of the server's with the form's labels in place of the API's names.
 *
 * @param {string} message
 * @param {Pick<Field, "name" | "label">[]} fields
 */
export function inFormWords(message, fields) {
  const labels = new Map(fields.filter(({ name, label }) => name !== label).map(({ name, label }) => [name, label]));
  return message.replace(/[A-Za-z]+(_[A-Za-z]+)+/g, (word) => labels.get(word) ?? word);
}
