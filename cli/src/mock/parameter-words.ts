/** What the members and parameters of lists are usually called; compared without case, `_` and `-`. */
const words = {
  limit: 'limit first size pagesize perpage maxresults maxitems top',
  cursor: 'cursor after pagetoken nexttoken continuationtoken startingafter',
  offset: 'offset skip start',
  page: 'page pagenumber',
  sort: 'sort sortby order orderby',
  next: 'next nextcursor nextpagetoken nexttoken endcursor continuationtoken',
  more: 'hasmore hasnext hasnextpage more',
  total: 'total totalcount totalitems totalresults totalelements',
  cursors: 'cursors',
} as const;

export type ListWord = keyof typeof words;
export const listWords = Object.keys(words) as ListWord[];

/** Whether a parameter or member has one of the names that `word` stands for. */
export function isCalled(word: ListWord, name: string): boolean {
  return words[word].split(' ').includes(name.toLowerCase().replaceAll(/[_-]/g, ''));
}

/** The value of the parameter that `word` stands for. */
export function valueCalled(word: ListWord, values: Readonly<Record<string, unknown>>): unknown {
  return Object.entries(values).find(([name]) => isCalled(word, name))?.[1];
}

/** `pets` → `pet`, `categories` → `category`, `boxes` → `box`. */
export function singular(word: string): string {
  if (/ies$/.test(word)) return word.replace(/ies$/, 'y');
  if (/(ses|xes|zes|ches|shes)$/.test(word)) return word.replace(/es$/, '');
  return word.replace(/([^s])s$/, '$1');
}
