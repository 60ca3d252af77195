import { fileURLToPath } from 'node:url';
import { contextOf } from '@portico/runtime/http-app.ts';
import { forbidden } from '@portico/runtime/identity.ts';
import { toPeerKey } from '@portico/runtime/peer-key.ts';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { errors, type InteractionResults, type Provider } from 'oidc-provider';
import type { Users } from '../users.ts';
import type { AttemptLimit } from './attempt-limit.ts';
import type { KnownBrowsers } from './known-browsers.ts';
import { continuePage, errorPage, loginPage, pageFields } from './pages.ts';

export interface LoginOptions {
  readonly issuer: string;
  readonly users: Users;
  readonly attempts: AttemptLimit;
  readonly browsers: KnownBrowsers;
  /** The provider of this moment. */
  readonly provider: () => Provider;
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

const folder = fileURLToPath(new URL('.', import.meta.url));

/**
 * Where a browser is sent that wants a code: signs a user in, or asks one who is signed in whether to go on. The provider
 * knows the browser by a cookie that no form of another site is sent with (SameSite=Lax, for this path alone).
 */
export function createLoginRouter({ issuer, users, attempts, browsers, provider }: LoginOptions): Router {
  const appOf = async ({ params }: Interaction) => {
    const client = await provider().Client.find(String(params.client_id));
    return client?.clientName ?? String(params.client_id);
  };
  const show = (res: Response, interaction: Interaction, html: string, status = 200) => {
    res
      .status(status)
      .set(pageFields(String(interaction.params.redirect_uri)))
      .type('html')
      .send(html);
  };
  const finish = (req: Request, res: Response, result: InteractionResults) =>
    provider().interactionFinished(req, res, result, { mergeWithLastSubmission: false });

  const showPage = async (req: Request, res: Response) => {
    const interaction = await provider().interactionDetails(req, res);
    const { prompt, session } = interaction;
    const action = `/interaction/${interaction.uid}`;
    const app = await appOf(interaction);
    const user = users.bySubject(session?.accountId ?? '');
    const html =
      prompt.name === 'login' || user === undefined || req.query.user === 'other'
        ? loginPage({ action, app, login: String(interaction.params.login_hint ?? '') })
        : continuePage({ action, app, name: user.name });
    show(res, interaction, html);
  };

  const signIn = async (req: Request, res: Response) => {
    const interaction = await provider().interactionDetails(req, res);
    const { login, password } = readForm(req);
    const browser = browsers.find(req.headers.cookie, login);
    const attempt = { login, peer: toPeerKey(req.socket.remoteAddress ?? ''), browser };
    const refuse = async (status: number, reason: string, refusal: string) => {
      // A name that nobody has may be a password in the wrong field.
      const subject = users.byLogin(login)?.subject;
      contextOf(res).log.warn({ reason, subject, peer: attempt.peer }, 'not signed in');
      const action = `/interaction/${interaction.uid}`;
      show(res, interaction, loginPage({ action, app: await appOf(interaction), login, refusal }), status);
    };
    const limited = attempts.refusal(attempt);
    if (limited !== undefined) {
      const { by, retryAfterS } = limited;
      res.set('Retry-After', String(retryAfterS));
      const whose = by === 'peer' ? 'from where you are' : 'for this user';
      return refuse(
        429,
        `too many by ${by}`,
        `Too many wrong passwords ${whose}: try again in ${retryAfterS} seconds.`,
      );
    }
    const user = users.signIn(login, password);
    if (user === undefined) {
      attempts.countFailure(attempt);
      return refuse(401, 'wrong password', 'There is no user with this name and password.');
    }
    attempts.countSuccess(attempt);
    if (users.isDisabled(user)) return refuse(403, 'disabled', 'This user is disabled, and can not sign in.');
    contextOf(res).log.info({ subject: user.subject }, 'signed in');
    res.append('Set-Cookie', browsers.remember(login, browser));
    // Whoever has just typed a password need not be asked whether to go on.
    return finish(req, res, { login: { accountId: user.subject, amr: ['pwd'] }, consent: {} });
  };

  const goOn = async (req: Request, res: Response) => {
    const { prompt } = await provider().interactionDetails(req, res);
    if (prompt.name !== 'consent') throw new errors.InvalidRequest('This sign-in needs a password.');
    await finish(req, res, { consent: {} });
  };
  const cancel = (req: Request, res: Response) =>
    finish(req, res, { error: 'access_denied', error_description: 'The user cancelled the sign-in.' });

  const router = Router({ caseSensitive: true, strict: true });
  router.use('/interaction', (_req, res, next) => {
    res.locals.route = '/interaction';
    next();
  });
  router.get('/login.css', (_req, res) => res.sendFile('login.css', { root: folder }));
  router.get('/interaction/:uid', showPage);
  router.post(
    '/interaction/:uid/:step',
    refuseOtherSites(issuer),
    express.urlencoded({ extended: false, limit: '4kb' }),
  );
  router.post('/interaction/:uid/login', signIn);
  router.post('/interaction/:uid/continue', goOn);
  router.post('/interaction/:uid/cancel', cancel);
  router.use('/interaction', explainFailure);
  return router;
}

/** Browsers say where a form comes from; the cookie alone would do, this is the second lock. */
function refuseOtherSites(issuer: string): RequestHandler {
  return (req, _res, next) => {
    const { origin } = req.headers;
    if (origin !== undefined && origin !== issuer) throw forbidden('This form is sent by our own page only.');
    next();
  };
}

function readForm(req: Request): { login: string; password: string } {
  const { login, password } = (req.body ?? {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : '');
  return { login: text(login).trim().toLowerCase(), password: text(password) };
}

/** A sign-in that is over, or of another browser, is no fault of ours. Express knows error handlers by four parameters. */
const explainFailure: express.ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof errors.OIDCProviderError)) return next(error);
  const expired = error instanceof errors.SessionNotFound;
  const detail = expired ? 'This sign-in is over, or was begun in another browser.' : error.error_description;
  res
    .status(error.statusCode)
    .set(pageFields())
    .type('html')
    .send(errorPage(detail ?? error.message));
};
