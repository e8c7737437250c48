/**
 * What Redis keeps of one verification or callback: one string, since a hash of so few fields takes more memory than all
 * that is in them. The scripts that write it (`save-verification.lua`, `save-callback.lua`) take it apart in the same way.
 *
 * ```
 * <version> <token of the last write> <token of the one before> …
 * <document>
 * <the rest: the story of a verification, the body of a callback>
 * ```
 */
export interface StoredRecord {
  /**
   * Counts the writes, and names the last one: where a replica took over, a write that it never had and the one in its place
   * have the same count. A write must find the version that it was decided on.
   */
  version: string;
  /** Tokens of the last writes, newest first. */
  tokens: string[];
  doc: string;
  rest: string;
}

/** The version of a record that does not exist. */
export const NO_RECORD = '0';

/** The version that a write of this token makes of another one. */
export const versionAfter = (version: string, token: string) => `${Number.parseInt(version, 10) + 1} ${token}`;

/** @throws when it has another form. */
export function readRecord(text: string): StoredRecord {
  const docAt = text.indexOf('\n') + 1;
  const restAt = text.indexOf('\n', docAt) + 1;
  if (docAt === 0 || restAt === 0) throw new Error('a record is no header, document and rest, a line each');
  const [count, ...tokens] = text.slice(0, docAt - 1).split(' ');
  const version = tokens[0] === undefined ? `${count}` : `${count} ${tokens[0]}`;
  return { version, tokens, doc: text.slice(docAt, restAt - 1), rest: text.slice(restAt) };
}
