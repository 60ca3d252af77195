import assert from 'node:assert/strict';
import { test } from 'node:test';
import Type from 'typebox';
import { ConfigError, readConfig } from './config.ts';
import { httpUrl, processSettings } from './process-config.ts';

const schema = Type.Object({
  ...processSettings,
  WEB_URL: httpUrl,
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres://', description: 'a postgres:// URL' })),
});
const WEB_URL = 'http://127.0.0.1:4001';

test('settings are read into the types of their schema, with defaults', () => {
  const config = readConfig(schema, { WEB_URL, PORT: '4002', PORTICO_DEMO: 'true', UNRELATED: 'x' });
  assert.deepEqual(config, {
    WEB_URL,
    PORTICO_HOST: '127.0.0.1',
    PORT: 4002,
    ADMIN_PORT: 0,
    LOG_LEVEL: 'info',
    PORTICO_DEMO: true,
  });
  assert.ok(Object.isFrozen(config));
});

test('an empty variable is one that is not set', () => {
  assert.equal(readConfig(schema, { WEB_URL, PORT: '' }).PORT, 0);
});

test('a wrong value is named with what was expected and what came, on one line', () => {
  for (const [variable, value, expected] of [
    ['PORT', 'abc', /^PORT must be an integer from 0 to 65535, got "abc"$/],
    ['PORT', '70000', /^PORT must be an integer from 0 to 65535, got "70000"$/],
    ['PORTICO_HOST', 'web', /^PORTICO_HOST must be an IP address such as 0\.0\.0\.0, got "web"$/],
    ['PORTICO_DEMO', 'perhaps', /^PORTICO_DEMO must be true or false, got "perhaps"$/],
    ['LOG_LEVEL', 'loud', /^LOG_LEVEL must be one of trace, debug, info, warn, error, silent, got "loud"$/],
  ] as const) {
    assert.throws(
      () => readConfig(schema, { WEB_URL, [variable]: value }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, expected);
        return true;
      },
    );
  }
});

test('a missing variable is named with what was expected', () => {
  assert.throws(
    () => readConfig(schema, {}),
    /^ConfigError: WEB_URL is not set: expected an http:\/\/ or https:\/\/ URL/,
  );
});

test('all that is wrong is said at once', () => {
  assert.throws(() => readConfig(schema, { PORT: '-1' }), /PORT must .*; WEB_URL is not set/);
});

test('a value that may hold a secret is not repeated', () => {
  assert.throws(
    () => readConfig(schema, { WEB_URL, DATABASE_URL: 'mysql://u:hunter2@host/x' }),
    (error) =>
      error instanceof ConfigError && /DATABASE_URL/.test(error.message) && !/hunter2/.test(error.message),
  );
});
