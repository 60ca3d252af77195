/** A process that answers one question with DuckDB, and ends. */
import { once } from 'node:events';
import process from 'node:process';
import { endWithReader } from '../end-with-reader.ts';
import { eventsView } from './events-view.ts';
import { formatTable } from './format-table.ts';
import type { Question } from './run-query.ts';

/** A table has so many rows at the most. */
const mostRows = 1_000;
const settings = {
  memory_limit: '1GB',
  // It would else write what doesn't fit below the folder that we were started in.
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
};

// An exit would wait for DuckDB's threads.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
endWithReader(process.stdout);
const [question] = (await once(process, 'message')) as [Question];
try {
  await answer(question);
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
process.removeAllListeners('disconnect');
process.disconnect();

async function answer({ sql, files, asJson }: Question): Promise<void> {
  const { DuckDBInstance, StatementType, objectsOf, toJson } = await loadDuckDb();
  const instance = await DuckDBInstance.create(':memory:', settings);
  const connection = await instance.connect();
  for (const statement of eventsView(files)) await connection.run(statement);
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new Error('one statement at a time');
  const prepared = await statements.prepare(0);
  const { SELECT, EXPLAIN } = StatementType;
  if (prepared.statementType !== SELECT && prepared.statementType !== EXPLAIN) {
    throw new Error(
      'the lake is only read: a query begins with select, with, from, describe, summarize or explain',
    );
  }
  const result = await prepared.stream();
  if (asJson) {
    const toObject = objectsOf(result);
    for await (const rows of result.yieldConvertedRows(toJson)) {
      await write(rows.map((row) => `${JSON.stringify(toObject(row))}\n`).join(''));
    }
    return;
  }
  const rows: unknown[][] = [];
  for await (const some of result.yieldConvertedRows(toJson)) {
    rows.push(...some);
    if (rows.length > mostRows) break;
  }
  await write(formatTable(result.deduplicatedColumnNames(), rows.slice(0, mostRows)));
  if (rows.length > mostRows) process.stderr.write(`the first ${mostRows} rows; --json gives all\n`);
}

async function loadDuckDb() {
  try {
    return { ...(await import('@duckdb/node-api')), ...(await import('./json-values.ts')) };
  } catch (error) {
    throw new Error('lake query needs DuckDB: npm install @duckdb/node-api', { cause: error });
  }
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
