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
  /** Counts the writes; a write must find the version that it was decided on. */
  version: number;
  /** Tokens of the last writes, newest first. */
  tokens: string[];
  doc: string;
  rest: string;
}

/** @throws when it has another form. */
export function readRecord(text: string): StoredRecord {
  const docAt = text.indexOf('\n') + 1;
  const restAt = text.indexOf('\n', docAt) + 1;
  if (docAt === 0 || restAt === 0) throw new Error('a record is no header, document and rest, a line each');
  const [version, ...tokens] = text.slice(0, docAt - 1).split(' ');
  return { version: Number(version), tokens, doc: text.slice(docAt, restAt - 1), rest: text.slice(restAt) };
}
