/**
 * What capture of a source can't go on with until somebody puts it right: going on could leave out changes. The
 * message says what is wrong, `cure` what to do; neither holds secrets.
 */
export class SourceProblem extends Error {
  override name = 'SourceProblem';
  readonly cure: string;

  constructor(message: string, cure: string) {
    super(message);
    this.cure = cure;
  }
}

/** What to run when the slot and the hub don't fit together any more. */
export const resnapshotCure = (source: string): string => `run: portico capture resnapshot ${source}`;

/** The problem behind an error of a connection, where trying again is of no use; undefined where it is. */
export function connectionProblem(error: unknown): SourceProblem | undefined {
  const { code, message } = error as { code?: string; message?: string };
  if (code === '28P01' || code === '28000' || code === '3D000' || code === '42501') {
    return new SourceProblem(
      `the database refuses: ${message}`,
      'give the role in the URL the attributes LOGIN and REPLICATION, the right to connect, and its password',
    );
  }
  return undefined;
}
