/** Who is to be told of changes of which tags. */
export interface TagIndex<Follower> {
  /** Replaces what the follower was told of before; without tags it is told of nothing any more. */
  set(follower: Follower, tags: readonly string[]): void;
  /** Everybody who is to be told of a change of one of these, once. */
  of(tags: ReadonlySet<string>): ReadonlySet<Follower>;
}

export function createTagIndex<Follower>(): TagIndex<Follower> {
  const byTag = new Map<string, Set<Follower>>();
  const tagsOf = new Map<Follower, readonly string[]>();
  return {
    set: (follower, tags) => {
      for (const tag of tagsOf.get(follower) ?? []) {
        const followers = byTag.get(tag);
        followers?.delete(follower);
        if (followers?.size === 0) byTag.delete(tag);
      }
      tagsOf.delete(follower);
      if (tags.length === 0) return;
      tagsOf.set(follower, tags);
      for (const tag of tags) byTag.set(tag, (byTag.get(tag) ?? new Set()).add(follower));
    },
    of: (tags) => new Set([...tags].flatMap((tag) => [...(byTag.get(tag) ?? [])])),
  };
}
