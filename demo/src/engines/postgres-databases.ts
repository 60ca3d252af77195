import { createHmac } from 'node:crypto';
import pg from 'pg';

/** Marks the roles that are ours, so that nobody else's role on a shared server is ever taken over. */
const mark = 'made by Portico';

const captureRole = 'capture';

export interface DatabasesOptions {
  /** Of a user that may create databases and roles. */
  readonly url: string;
  readonly names: readonly string[];
  /** Those of them whose changes the role `capture` may read. */
  readonly captured: readonly string[];
  /** The roles' passwords are derived from it: the same at every start, because services live through one of ours. */
  readonly secret: string;
  /** Whether the whole server is ours, so that its own databases can be closed to the roles as well. */
  readonly ownServer: boolean;
}

/** URLs by the name of the database. */
export interface DatabaseUrls {
  /** Of the role that owns it. */
  readonly databases: Readonly<Record<string, string>>;
  /** Of the role `capture`. */
  readonly captures: Readonly<Record<string, string>>;
}

/**
 * Gives each name a database, and a role that owns it and can connect to no other of them. In PostgreSQL 15 and later
 * the schema `public` belongs to the owner of its database.
 * The role `capture` can read the transaction log of those that are captured, and every table in them, also later ones.
 * @throws Error with one line, without any password.
 */
export async function ensureDatabases(options: DatabasesOptions): Promise<DatabaseUrls> {
  const client = new pg.Client({ connectionString: options.url, connectionTimeoutMillis: 10_000 });
  // A server that goes away while we are connected also fails the query that waits for it.
  client.on('error', () => {});
  try {
    await client.connect();
    await requireVersion15(client);
    if (options.ownServer) await client.query('REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC');
    const passwordOf = (role: string) => createHmac('sha256', options.secret).update(role).digest('hex');
    const databases: Record<string, string> = {};
    for (const name of options.names) {
      await ensureRole(client, name, `LOGIN PASSWORD ${client.escapeLiteral(passwordOf(name))}`);
      await ensureDatabase(client, name);
      databases[name] = urlFor(options.url, name, name, passwordOf(name));
    }
    const captures: Record<string, string> = {};
    if (options.captured.length > 0) {
      const login = `LOGIN REPLICATION PASSWORD ${client.escapeLiteral(passwordOf(captureRole))}`;
      await ensureRole(client, captureRole, login);
    }
    for (const name of options.captured) {
      await letCapture(String(databases[name]), name);
      captures[name] = urlFor(options.url, name, captureRole, passwordOf(captureRole));
    }
    return { databases, captures };
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

/** Gives the role `capture` what it needs in a database, as the role that owns it; tables made by others are not ours to give. */
async function letCapture(ownerUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT oid::regclass AS table FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
       AND relowner = current_user::regrole`,
    );
    const tables = rows.map(({ table }) => `GRANT SELECT ON ${table} TO ${captureRole}`);
    const grants = [
      `GRANT CONNECT ON DATABASE ${client.escapeIdentifier(name)} TO ${captureRole}`,
      `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${captureRole}`,
      ...tables,
    ];
    await client.query(grants.join('; '));
  } finally {
    await client.end();
  }
}

/** @param login the attributes that the role shall have, with its password */
async function ensureRole(client: pg.Client, name: string, login: string): Promise<void> {
  const role = client.escapeIdentifier(name);
  const { rows } = await client.query(
    `SELECT shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  if (rows[0] !== undefined && rows[0].comment !== mark) {
    throw new Error(`the server has a role "${name}" that Portico did not make`);
  }
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

function urlFor(serverUrl: string, name: string, role: string, password: string): string {
  const url = new URL(serverUrl);
  url.username = role;
  url.password = password;
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}
