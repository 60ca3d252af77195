import { readConfig } from '@portico/runtime/config.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { postgresUrl, processSettings } from '@portico/runtime/process-config.ts';
import Type from 'typebox';
import { createPostgresEventHub } from './postgres-event-hub.ts';

const settings = Type.Object({ HUB_URL: postgresUrl, LOG_LEVEL: processSettings.LOG_LEVEL });

/**
 * What an operator does to the hub: `renew-epoch` after it was restored from a copy, `forget <consumer>` when one is gone
 * for good and its cursor would keep the log for ever.
 * @returns what was done, in one line
 * @throws Error with one line that says what is wrong
 */
export async function runHub(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const [action, consumer, ...others] = args;
  const isRenewal = action === 'renew-epoch' && consumer === undefined;
  if (!isRenewal && (action !== 'forget' || consumer === undefined || others.length > 0)) {
    throw new Error('say portico hub renew-epoch, or portico hub forget <consumer>');
  }
  const config = readConfig(settings, env);
  const log = createLogger({ name: 'hub', level: config.LOG_LEVEL });
  const hub = createPostgresEventHub({ url: config.HUB_URL, log });
  try {
    if (consumer === undefined) return `the epoch of the hub is now ${await hub.renewEpoch()}`;
    if (await hub.forget(consumer)) return `the hub keeps nothing for ${consumer} any more`;
    throw new Error(`the hub knows no consumer ${JSON.stringify(consumer)}`);
  } finally {
    await hub.close();
  }
}
