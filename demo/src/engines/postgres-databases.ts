import { createHmac } from 'node:crypto';
import pg from 'pg';

/** Marks the roles that are ours, so that nobody else's role on a shared server is ever taken over. */
const mark = 'made by Portico';

export interface DatabasesOptions {
  /** Of a user that may create databases and roles. */
  readonly url: string;
  readonly names: readonly string[];
  /** The roles' passwords are derived from it: the same at every start, because services live through one of ours. */
  readonly secret: string;
  /** Whether the whole server is ours, so that its own databases can be closed to the roles as well. */
  readonly ownServer: boolean;
}

/**
 * Gives each name a database, and a role that owns it and can connect to no other of them. In PostgreSQL 15 and later
 * the schema `public` belongs to the owner of its database.
 * @returns the role's URL for its database, by name.
 * @throws Error with one line, without any password.
 */
export async function ensureDatabases(options: DatabasesOptions): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: options.url, connectionTimeoutMillis: 10_000 });
  // A server that goes away while we are connected also fails the query that waits for it.
  client.on('error', () => {});
  try {
    await client.connect();
    await requireVersion15(client);
    if (options.ownServer) await client.query('REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC');
    const urls: Record<string, string> = {};
    for (const name of options.names) {
      const password = createHmac('sha256', options.secret).update(name).digest('hex');
      await ensureRole(client, name, password);
      await ensureDatabase(client, name);
      urls[name] = urlFor(options.url, name, password);
    }
    return urls;
  } finally {
    await client.end();
  }
}

async function requireVersion15(client: pg.Client): Promise<void> {
  const { rows } = await client.query('SHOW server_version');
  const version = String(rows[0]?.server_version);
  if (Number.parseInt(version, 10) < 15)
    throw new Error(`PostgreSQL 15 or later is needed, found ${version}`);
}

async function ensureRole(client: pg.Client, name: string, password: string): Promise<void> {
  const role = client.escapeIdentifier(name);
  const { rows } = await client.query(
    `SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  if (rows[0] !== undefined && rows[0].comment !== mark) {
    throw new Error(`the server has a role "${name}" that Portico did not make`);
  }
  const login = `LOGIN PASSWORD ${client.escapeLiteral(password)}`;
  if (rows[0] !== undefined) {
    await client.query(`ALTER ROLE ${role} ${login}`);
    return;
  }
  // One implicit transaction. Only a member of a role may give it a database, unless he is a superuser.
  await client.query(
    `CREATE ROLE ${role} ${login}; COMMENT ON ROLE ${role} IS ${client.escapeLiteral(mark)}; GRANT ${role} TO CURRENT_USER`,
  );
}

async function ensureDatabase(client: pg.Client, name: string): Promise<void> {
  const id = client.escapeIdentifier(name);
  const { rows } = await client.query(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1',
    [name],
  );
  if (rows[0] === undefined) {
    await client.query(
      `CREATE DATABASE ${id} OWNER ${id} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'`,
    );
  } else if (rows[0].owner !== name) {
    throw new Error(`the server has a database "${name}" that Portico did not make`);
  }
  await client.query(
    `REVOKE ALL ON DATABASE ${id} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE ${id} TO ${id}`,
  );
}

function urlFor(serverUrl: string, name: string, password: string): string {
  const url = new URL(serverUrl);
  url.username = name;
  url.password = password;
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}
