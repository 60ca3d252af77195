/** A line of a segment, as DuckDB reads it; what an event holds stays JSON. */
const columns = `{
  epoch: 'VARCHAR', number: 'BIGINT', source: 'VARCHAR', xid: 'VARCHAR', committedAt: 'BIGINT',
  events: 'STRUCT(id VARCHAR, type VARCHAR, key VARCHAR, data JSON, traceparent VARCHAR)[]'
}`;

/** The largest record that is read, in bytes: capture tells no transaction of more than 32 MB event by event. */
const largestLine = 64_000_000;

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The statements that make the view `events`, one row an event, and take away all else that DuckDB could reach. */
export function eventsView(files: readonly string[]): string[] {
  const paths = `[${files.map(quoted).join(', ')}]::varchar[]`;
  const records =
    files.length === 0
      ? `(select null::varchar epoch, null::bigint number, null::varchar source, null::varchar xid,
          null::bigint "committedAt",
          []::struct(id varchar, type varchar, key varchar, data json, traceparent varchar)[] events where false)`
      : `read_json(${paths}, format = 'newline_delimited', compression = 'zstd', columns = ${columns},
          maximum_object_size = ${largestLine})`;
  return [
    `create view events as
      select epoch, number, source, xid, epoch_ms("committedAt") as committed_at, unnest(events, recursive := true)
      from ${records}`,
    `set allowed_paths = ${paths}`,
    'set enable_external_access = false',
    'set lock_configuration = true',
  ];
}
