import { isThing, type Thing } from './resources.ts';

/** `thing` with the members of `sent` in place of its own, in objects member by member. */
export function mergeSent(thing: Thing, sent: Thing): Thing {
  const merged = Object.entries(sent).map(([name, value]) => {
    const own = thing[name];
    return [name, isThing(own) && isThing(value) ? mergeSent(own, value) : value];
  });
  return { ...thing, ...Object.fromEntries(merged) };
}
