/** All that the pages of `/admin` say. */
export const WORDS = {
  signIn: {
    title: 'Sign in',
    user: 'User',
    password: 'Password',
    submit: 'Sign in',
    wrong: 'This user and password do not belong together.',
    locked: (minutes: number) =>
      `Too many failed sign-ins. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
  },
  oidc: {
    link: 'Sign in with your organisation',
    notAllowed: {
      title: 'You may not come in',
      text: 'Your organisation knows you, but this service does not let you in. Its operator can: OIDC_OPERATORS and OIDC_VIEWERS say who may.',
    },
    refused: {
      title: 'The sign-in did not succeed',
      text: 'It was canceled, it took too long, or it was begun in another browser.',
    },
    unreachable: {
      title: 'Your organisation cannot be asked',
      text: 'Its sign-in does not answer at this moment. Try again later.',
    },
    again: 'Back to the sign-in',
  },
  signOut: {
    title: 'Sign out',
    question: (name: string) => `You are signed in as ${name}.`,
    submit: 'Sign out',
    done: 'You are signed out.',
  },
  notKept: {
    title: 'Your browser did not keep the sign-in',
    why: 'The sign-in is a cookie that browsers take over https only, or from this very machine.',
    remedies: [
      'Open the page with https, through a reverse proxy that speaks TLS.',
      'Or on the machine itself, at http://127.0.0.1 or http://localhost; from elsewhere through a tunnel: ssh -L 3000:127.0.0.1:3000 your-server',
    ],
    again: 'Sign in again',
  },
  moment: { title: 'One moment', next: 'Go on' },
} as const;
