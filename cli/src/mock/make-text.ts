const words =
  'amber harbour lantern meadow copper willow river granite maple velvet anchor cedar saffron pebble orchard linen ' +
  'juniper marble compass clover ember canyon feather indigo kettle lagoon mosaic nectar opal paper quartz raven ' +
  'sable timber umber valley walnut yarrow zephyr basil cobalt drift';
const vocabulary = words.split(' ');

/** A few words that follow from `seed`, of `minLength` to `maxLength` characters. */
export function makeText(seed: number, minLength: number, maxLength: number): string {
  const pick = (index: number) => String(vocabulary[(seed + index * 7) % vocabulary.length]);
  const count = 2 + (seed % 2);
  let text = Array.from({ length: count }, (_, index) => pick(index)).join(' ');
  for (let index = count; text.length < minLength; index += 1) text += ` ${pick(index)}`;
  const cut = text.slice(0, maxLength);
  // Neither a space nor half a limit at the end.
  const trimmed = cut.trimEnd().padEnd(minLength, 'x');
  return trimmed.slice(0, 1).toUpperCase() + trimmed.slice(1);
}
