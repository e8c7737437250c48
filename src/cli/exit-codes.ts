/** How the program ends, so that a script can branch on it. Numbers are never given another meaning. */
export const EXIT = {
  ok: { code: 0, meaning: 'done; `verify` and `watch`: approved; `doctor`: nothing fails' },
  error: { code: 1, meaning: '`doctor`: something fails; otherwise an error of the program itself' },
  usage: { code: 2, meaning: 'the command line or the configuration is wrong; nothing was asked' },
  expired: { code: 3, meaning: 'the verification expired' },
  failed: { code: 4, meaning: 'the verification failed: no code could be sent, or too many were wrong' },
  canceled: { code: 5, meaning: 'the verification was canceled' },
  blocked: { code: 6, meaning: 'the verification was blocked by a policy' },
  refused: { code: 7, meaning: 'the API refused the request' },
  unreachable: { code: 8, meaning: 'the API, or for `keys` Redis, could not be reached or is not available' },
  interrupted: { code: 130, meaning: 'ended by Ctrl-C; a verification that was submitted goes on' },
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]['code'];

/** How `verify` and `watch` end: by the status that the verification closed with. */
export function exitCodeOf({ status }: { status: string }): ExitCode {
  switch (status) {
    case 'expired':
    case 'failed':
    case 'canceled':
    case 'blocked':
      return EXIT[status].code;
    case 'approved':
      return EXIT.ok.code;
    default:
      return EXIT.error.code; // a status that came later than this program
  }
}
