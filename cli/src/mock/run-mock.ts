import { parseArgs } from 'node:util';
import { ConfigError, readConfig } from '@portico/runtime/config.ts';
import { createFaultSwitch } from '@portico/runtime/fault-switch.ts';
import { createLogger } from '@portico/runtime/log.ts';
import { createMetrics } from '@portico/runtime/metrics.ts';
import { processSettings } from '@portico/runtime/process-config.ts';
import { runProcess } from '@portico/runtime/run-process.ts';
import { openTracing } from '@portico/runtime/tracing.ts';
import Type from 'typebox';
import { createMock } from './create-mock.ts';
import { readDocument } from './read-document.ts';

/** `portico mock <openapi file> [--port N]`: plays a service as a process. `--port` comes before `PORT`. */
export async function runMock(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await runProcess(async () => {
    const { file, port } = readArguments(args);
    const config = readConfig(Type.Object(processSettings), {
      ...env,
      ...(port !== undefined && { PORT: port }),
    });
    const document = readDocument(file);
    const name = document.info.title.toLowerCase();
    const metrics = createMetrics(name);
    const log = createLogger({ name, level: config.LOG_LEVEL });
    const tracing = await openTracing(name, config, log);
    const faults = createFaultSwitch();
    return {
      log,
      metrics,
      tracing,
      handler: createMock(document, { log, metrics, tracing, faults: faults.middleware }),
      checks: {},
      host: config.PORTICO_HOST,
      port: config.PORT,
      adminPort: config.ADMIN_PORT,
      adminExtra: faults.adminRouter,
      close: async () => {},
    };
  });
}

function readArguments(args: readonly string[]): { file: string; port: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { port: { type: 'string' } },
      allowPositionals: true,
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new Error(`expected one file, got ${positionals.length}`);
    return { file, port: values.port };
  } catch (error) {
    throw new ConfigError(
      `${(error as Error).message.split('\n')[0]} (portico mock <openapi file> [--port N])`,
    );
  }
}
