import { escapeHtml, ICON } from '../../shared/html.ts';
import { WORDS } from './words.ts';

/** The sign-in form. @param next - where to go afterwards, a path of our own. */
export function signInPage({ next, ways, user = '', alert, notice }: SignInView): string {
  return page(
    WORDS.signIn.title,
    `${notice === undefined ? '' : `<p role="status">${escapeHtml(notice)}</p>`}
      ${alert === undefined ? '' : `<p role="alert" id="alert">${escapeHtml(alert)}</p>`}
      ${ways.password ? signInForm({ next, user, hasAlert: alert !== undefined }) : ''}
      ${ways.oidc ? `<p><a class="button" href="/admin/sign-in/oidc?next=${encodeURIComponent(next)}">${WORDS.oidc.link}</a></p>` : ''}`,
  );
}

function signInForm({ next, user, hasAlert }: { next: string; user: string; hasAlert: boolean }): string {
  const { user: userLabel, password, submit } = WORDS.signIn;
  return `<form method="post" action="/admin/sign-in">
        <input type="hidden" name="next" value="${escapeHtml(next)}">
        <label for="user">${userLabel}</label>
        <input id="user" name="user" value="${escapeHtml(user)}" autocomplete="username" autocapitalize="none" spellcheck="false" required${user === '' ? ' autofocus' : ''}>
        <label for="password">${password}</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required${user === '' ? '' : ' autofocus'}${hasAlert ? ' aria-describedby="alert"' : ''}>
        <button>${submit}</button>
      </form>`;
}

/** How somebody may sign in. */
export interface Ways {
  password: boolean;
  oidc: boolean;
}

interface SignInView {
  next: string;
  ways: Ways;
  user?: string;
  alert?: string;
  notice?: string;
}

/** Why a sign-in did not succeed, and the way back. */
export function messagePage({ title, text }: { title: string; text: string }): string {
  return page(
    title,
    `<p role="alert">${escapeHtml(text)}</p>
      <p><a href="/admin/sign-in">${WORDS.oidc.again}</a></p>`,
  );
}

/** Asks before the sign-out: a link alone must not do it. */
export function signOutPage(name: string): string {
  const { title, question, submit } = WORDS.signOut;
  return page(
    title,
    `<p>${escapeHtml(question(name))}</p>
      <form method="post" action="/admin/sign-out"><button autofocus>${submit}</button></form>`,
  );
}

/** What to do when the cookie did not come back. */
export function notKeptPage(next: string): string {
  const { title, why, remedies, again } = WORDS.notKept;
  return page(
    title,
    `<p role="alert">${escapeHtml(why)}</p>
      <ul>${remedies.map((remedy) => `<li>${escapeHtml(remedy)}</li>`).join('')}</ul>
      <p><a href="/admin/sign-in?next=${encodeURIComponent(next)}">${again}</a></p>`,
  );
}

/**
 * Goes on to an address of our own from a page of our own: a request that another site led here comes without our cookies,
 * the one that this page makes comes with them.
 */
export function goOnPage(address: string): string {
  const { title, next } = WORDS.moment;
  return page(
    title,
    `<p><a href="${escapeHtml(address)}">${next}</a></p>`,
    `<meta http-equiv="refresh" content="0;url=${escapeHtml(address)}">`,
  );
}

/** @param content - HTML; @param head - HTML */
function page(title: string, content: string, head = ''): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>${escapeHtml(title)} · Ringback</title>
    <link rel="icon" href="${ICON}">
    <link rel="stylesheet" href="/admin/pages.css">${head}
  </head>
  <body>
    <main>
      <h1>${escapeHtml(title)}</h1>
      ${content}
    </main>
  </body>
</html>
`;
}
