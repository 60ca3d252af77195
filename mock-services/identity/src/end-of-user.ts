import { Problem } from '@portico/runtime/problems.ts';
import type { Provider } from 'oidc-provider';
import type { ProviderMemory } from './provider/memory-adapter.ts';
import type { Users } from './users.ts';

export interface EndOfUserOptions {
  readonly users: Users;
  readonly memory: ProviderMemory;
  /** The provider of this moment. */
  readonly provider: () => Provider;
  /** The clients that are told. */
  readonly clientIds: readonly string[];
}

/** Takes users out of the demo, and back in. Both can be said again, and reject with Problem `not-found` for a login of nobody. */
export interface EndOfUser {
  /**
   * From now on nobody is signed in as this user: no password and no refresh token counts, and clients are told that all of the
   * user's sessions are over.
   * @throws Problem `bad-upstream` when a client didn't hear it; the rest is done
   */
  disable(login: string): Promise<void>;
  enable(login: string): void;
}

/** It is a method of the library's clients, and in its types for none. */
interface ToldClient {
  backchannelLogout(sub: string, sid?: string): Promise<void>;
}

export function createEndOfUser({ users, memory, provider, clientIds }: EndOfUserOptions): EndOfUser {
  const find = (login: string) => {
    const user = users.byLogin(login);
    if (user === undefined) throw new Problem('not-found', 'There is no user with this name.');
    return user;
  };
  const tell = async (clientId: string, subject: string) => {
    const client = (await provider().Client.find(clientId)) as unknown as ToldClient;
    // All sessions of the user, also those whose sign-in here is forgotten (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    await client.backchannelLogout(subject);
  };
  return {
    disable: async (login) => {
      const user = find(login);
      users.setDisabled(user, true);
      memory.forgetAccount(user.subject);
      try {
        await Promise.all(clientIds.map((clientId) => tell(clientId, user.subject)));
      } catch (cause) {
        throw new Problem(
          'bad-upstream',
          'The user is disabled, and a client has not heard it: its sessions last until their access tokens end. Say it again.',
          { cause },
        );
      }
    },
    enable: (login) => users.setDisabled(find(login), false),
  };
}
