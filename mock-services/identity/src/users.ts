/** Somebody who can sign in. */
export interface User {
  /** What they type. */
  readonly login: string;
  /** What tokens call them: the customer's id, or `root`. */
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
}

export interface Users {
  /** The user whose login and password these are, disabled or not. */
  signIn(login: string, password: string): User | undefined;
  byLogin(login: string): User | undefined;
  /** Nobody for one who is disabled. */
  bySubject(subject: string): User | undefined;
  isDisabled(user: User): boolean;
  /** Until it is said otherwise, or the process ends. */
  setDisabled(user: User, disabled: boolean): void;
}

/** As many as the customers of the demo. */
const customerCount = 200;
const password = 'demo';

/** The users of the demo, who share one password: ada (c1), grace (c2), c3 to c200, and root, the operator. */
export function createDemoUsers(): Users {
  const users: readonly User[] = [
    customer('ada', 'c1', 'Ada L.'),
    customer('grace', 'c2', 'Grace H.'),
    ...Array.from({ length: customerCount - 2 }, (_, index) => {
      const id = `c${index + 3}`;
      return customer(id, id, `Customer ${id}`);
    }),
    { login: 'root', subject: 'root', name: 'Operator', roles: ['operator'] },
  ];
  const byLogin = new Map(users.map((user) => [user.login, user]));
  const enabled = new Map(users.map((user) => [user.subject, user]));
  return {
    signIn: (login, given) => (given === password ? byLogin.get(login) : undefined),
    byLogin: (login) => byLogin.get(login),
    bySubject: (subject) => enabled.get(subject),
    isDisabled: ({ subject }) => !enabled.has(subject),
    setDisabled: (user, disabled) => {
      if (disabled) enabled.delete(user.subject);
      else enabled.set(user.subject, user);
    },
  };
}

function customer(login: string, subject: string, name: string): User {
  return { login, subject, name, roles: ['customer'] };
}
