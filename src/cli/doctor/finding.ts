/** What one check of `ringback doctor` came to. */
export interface Finding {
  check: string;
  /** `warn`: it works, and a promise may not hold; `skip`: it could not be checked, or there is nothing to check. */
  status: 'ok' | 'warn' | 'fail' | 'skip';
  detail: string;
  /** What to do about it. */
  fix?: string;
}

export const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail });
export const warn = (check: string, detail: string, fix: string): Finding => ({ check, status: 'warn', detail, fix });
export const fail = (check: string, detail: string, fix: string): Finding => ({ check, status: 'fail', detail, fix });
export const skip = (check: string, detail: string): Finding => ({ check, status: 'skip', detail });
