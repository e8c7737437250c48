/** A setting that single names may have otherwise than all others. */
export interface ByName<T> {
  /** For every name without one of its own. */
  otherwise: T;
  named: ReadonlyMap<string, T>;
}

/** What holds for a name. */
export function valueFor<T>({ otherwise, named }: ByName<T>, name: string): T {
  return named.has(name) ? (named.get(name) as T) : otherwise;
}
