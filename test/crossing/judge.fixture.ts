import assert from 'node:assert/strict';
import { type Ask, rightStatus, type Somebody } from './asks.fixture.ts';
import { type Allowed, customers, marksBut, marksOf } from './marks.fixture.ts';

/** An answer as it came. */
export interface Answered {
  readonly status: number;
  readonly fields: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The entity tags that were sent along. */
  readonly tags: readonly string[];
  readonly isHead: boolean;
}

/** `own` names who asked, `public` nobody. `refused` is right for who asked, `failed` is for want of a service. */
export const outcomes = ['own', 'public', 'not modified', 'refused', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

interface Batched {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What becomes of a request when something behind fails. */
const failures = [502, 503, 504];
/** In an answer that has only a part of what was asked for. */
const missingPart = /"service":"|"degraded":/;
const isPrivate = /private|no-store/;

/**
 * Says what an answer was, and throws where it has anything of somebody else.
 * @param secrets what may be in no answer, as regular expressions
 */
export function createJudge(secrets: readonly string[]) {
  const tagOwners = new Map<string, string>();
  const tagsAt = new Map<string, string[]>();
  const forbidden = new Map<string, RegExp>();
  const ownMarks = new Map(customers.map((each) => [each, marksOf(each)]));

  const forbiddenTo = (ask: Ask, { customer, hasOrders }: Somebody, wasOver: boolean) => {
    const self = customer === undefined || wasOver ? [] : [customer];
    const allowed: Allowed = { persons: ask.namesAuthors ? customers : self, orders: hasOrders ? self : [] };
    const key = [allowed.persons, allowed.orders].map((of) => of.map(({ id }) => id).join(' ')).join();
    const known = forbidden.get(key) ?? marksBut(allowed, secrets);
    forbidden.set(key, known);
    return known;
  };

  /** A tag names one content: of one user, or for everybody. */
  const noteTag = (tag: string, owner: string, path: string) => {
    const known = tagOwners.get(tag) ?? owner;
    assert.equal(known, owner, `the tag ${tag}`);
    if (tagOwners.has(tag)) return;
    tagOwners.set(tag, owner);
    tagsAt.set(path, [...(tagsAt.get(path) ?? []), tag].slice(-6));
  };
  const ownerOf = (isOwn: Ask['isOwn'], { customer }: Somebody) => (isOwn ? `${customer?.id}` : 'all');

  const judgeBody = (ask: Ask, who: Somebody, text: string): Outcome => {
    const { customer, hasOrders } = who;
    const isSilent = ask.accept === 'text/event-stream' && !text.includes('event: next');
    if (isSilent || missingPart.test(text)) return 'failed';
    if (customer === undefined) return 'public';
    if (ask.has) assert.ok(text.includes(ask.has(customer, hasOrders)), 'it has nothing of its own user');
    return !ask.namesAuthors && ownMarks.get(customer)?.test(text) ? 'own' : 'public';
  };

  /** Whether it is the status that it has to be; a session that ends meanwhile is answered before or after. */
  const checkStatus = (ask: Ask, who: Somebody, wasOver: boolean, status: number) => {
    const knows = ask.knowsUsers !== false;
    const ended = knows && who.end !== 'none' ? [401] : [];
    const right = knows && wasOver ? ended : [rightStatus(ask, who), ...ended];
    if (status === 304) assert.ok(right.includes(200), 'what it may not know has not changed');
    else assert.ok(right.includes(status), `${status} instead of ${right}`);
  };

  const judge = (ask: Ask, who: Somebody, wasOver: boolean, answered: Answered): Outcome => {
    const { status, fields, text, tags, isHead } = answered;
    const said = `${Object.values(fields).flat().join('\n')}\n${text}`;
    const echo = `There is no order \\"${ask.echoes}\\"`;
    const foreign = forbiddenTo(ask, who, wasOver).exec(said.replaceAll(echo, ''));
    assert.equal(foreign?.[0], undefined, 'it has a mark of somebody else, or a secret');
    if (who.customer !== undefined && ask.knowsUsers !== false)
      assert.match(String(fields['cache-control']), isPrivate);
    if (isHead || status === 304) assert.equal(text, '');
    if (failures.includes(status)) return 'failed';
    checkStatus(ask, who, wasOver, status);
    if (status >= 400) return 'refused';

    const { etag } = fields;
    if (typeof etag === 'string' && ask.isOwn !== 'by chance')
      noteTag(etag, ownerOf(ask.isOwn, who), ask.path);
    if (status === 304) {
      assert.ok(tags.includes(String(etag)), 'nobody has sent this tag');
      return 'not modified';
    }
    if (isHead) return ask.has && who.customer ? 'own' : 'public';
    return judgeBody(ask, who, text);
  };

  /** Each part as an answer by itself. */
  const judgeBatch = (parts: readonly Ask[], who: Somebody, answered: Answered): Outcome[] => {
    const { text, tags, ...other } = answered;
    const batch = JSON.parse(text) as { readonly responses: readonly Batched[] };
    assert.equal(batch.responses.length, parts.length);
    return batch.responses.map(({ status, headers, body }, at) => {
      const fields = { etag: headers.ETag, 'cache-control': headers['Cache-Control'], ...headers };
      const part = { ...other, tags, status, fields, text: body === undefined ? '' : JSON.stringify(body) };
      return judge(parts[at] as Ask, who, false, part);
    });
  };

  return {
    /** Tags of the latest answers at this path, to whomever. */
    tagsOf: (path: string): readonly string[] => tagsAt.get(path) ?? [],
    /**
     * What an answer was; of a batch, what each part was.
     * @param wasOver whether the session was over when this was asked
     */
    judge: (ask: Ask, who: Somebody, wasOver: boolean, answered: Answered, what: string): Outcome[] => {
      const { status, fields, text } = answered;
      try {
        if (ask.parts === undefined || status !== 200) return [judge(ask, who, wasOver, answered)];
        judge(ask, who, wasOver, { ...answered, text: '' });
        return judgeBatch(ask.parts, who, answered);
      } catch (error) {
        const asker = `${who.customer?.name ?? 'nobody'}${who.hasSession ? ' by a session' : ''}`;
        const message = error instanceof Error ? error.message : String(error);
        throw new assert.AssertionError({
          message: `${what}, ${ask.name} ${ask.path} by ${asker}: ${message}: ${status} ${JSON.stringify(fields)} ${text.slice(0, 20_000)}`,
        });
      }
    },
  };
}
