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
