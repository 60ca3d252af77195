import type { Position } from '@portico/change-stream/hub/event-hub.ts';
import type { ChangeNode, Commit, Requirement, Sight } from '@portico/change-stream/node/change-node.ts';

/** A commit of a command, with the time by which it was answered, in epoch milliseconds. */
export interface AnsweredCommit extends Commit {
  readonly at: number;
}

/** What a client has to see, as tokens carry it from answer to request. */
export interface ClientRequirement extends Requirement {
  readonly commits: readonly AnsweredCommit[];
}

export const nothingRequired: ClientRequirement = { position: undefined, commits: [], seen: [] };

/** More commits of a source than these are folded into what it showed when the latest of the others was answered. */
const maxCommits = 2;

/** So long a source whose changes nobody follows may be answered from what was read before a commit, at the most. */
const longestTtlMs = 60_000;

/** What has to be seen by whoever has to see both. A source is in `seen` once. */
export function mergeRequirements(one: ClientRequirement, other: ClientRequirement): ClientRequirement {
  // Of one that was answered twice, the later answer.
  const byTime = [...one.commits, ...other.commits].toSorted((a, b) => a.at - b.at);
  const named = new Map(byTime.map((each) => [`${each.source}:${each.xid}`, each]));
  const bySource = [...Map.groupBy(named.values(), ({ source }) => source).values()];
  const latestFirst = bySource.map((commits) => commits.toSorted((a, b) => b.at - a.at));
  const folded = latestFirst.flatMap((commits) => commits.slice(maxCommits));
  return {
    position: laterPosition(one.position, other.position),
    commits: latestFirst.flatMap((commits) => commits.slice(0, maxCommits)),
    seen: mergeSights([...one.seen, ...other.seen, ...folded.map(({ source, at }) => ({ source, at }))]),
  };
}

/**
 * The same in fewer words, by what is applied here: commits and sights that are come to the position that they are applied
 * at. What nobody follows is over when it can't be in a cache any more.
 */
export function foldRequirement(
  requirement: ClientRequirement,
  node: ChangeNode | undefined,
  now: number,
): ClientRequirement {
  const applied = node?.applied;
  const follows = (source: string) => node?.follows(source) === true;
  const isOver = ({ source, at }: AnsweredCommit) => !follows(source) && now - at > longestTtlMs;
  const open = requirement.commits.filter((commit) => !isOver(commit));
  if (node === undefined || applied === undefined) return { ...requirement, commits: open };
  const commits = open.filter((commit) => !node.hasApplied(commit));
  const seen = requirement.seen.filter((sight) => follows(sight.source) && !node.hasSeen(sight));
  const isFolded = commits.length < open.length || seen.length < requirement.seen.length;
  const { position } = requirement;
  // A position of another epoch can't be reached any more.
  const isForeign = position !== undefined && position.epoch !== applied.epoch;
  return { position: isFolded || isForeign ? laterPosition(position, applied) : position, commits, seen };
}

/** The later of two; of different epochs the second one, as that was heard of last. */
function laterPosition(one: Position | undefined, other: Position | undefined): Position | undefined {
  if (one === undefined || other === undefined) return other ?? one;
  return one.epoch === other.epoch && one.number > other.number ? one : other;
}

function mergeSights(sights: readonly Sight[]): Sight[] {
  const bySource = new Map<string, Sight>();
  for (const sight of sights) {
    const other = bySource.get(sight.source);
    bySource.set(sight.source, other === undefined ? sight : laterSight(sight, other));
  }
  return [...bySource.values()];
}

/** What is applied only when both are. */
function laterSight(one: Sight, other: Sight): Sight {
  const at = Math.max(one.at, other.at);
  if (one.below === undefined || other.below === undefined) return { source: one.source, at };
  return { source: one.source, at, below: BigInt(one.below) > BigInt(other.below) ? one.below : other.below };
}
