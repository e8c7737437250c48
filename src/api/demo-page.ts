import type { RequestHandler } from 'express';
import { type CountryCode, getCountryCallingCode } from 'libphonenumber-js/max';
import { escapeHtml } from '../shared/html.ts';
import { type Language, localizedPage } from '../shared/localized-page.ts';
import { isVisitorHere } from './demo-troubles.ts';

interface Options {
  /** Where codes are sent to, ISO 3166-1 alpha-2. */
  countries: readonly string[];
  /** Origin of the sandbox's phones; undefined: codes go to real phones. */
  sandboxUrl: string | undefined;
  /** Whether callbacks go to the receiver in the sandbox. */
  receiver: boolean;
  /** Whether there is a worker that can be killed. */
  canKill: () => boolean;
  resendCooldownMs: number;
}

/** The page of the demo, with everything that the server knows in it. */
export function demoPage({ countries, sandboxUrl, receiver, canKill, resendCooldownMs }: Options): RequestHandler {
  return localizedPage({
    template: new URL('./demo/index.html', import.meta.url),
    values: (request, language) => {
      const here = sandboxUrl !== undefined && isVisitorHere(request);
      return {
        countries: { html: countryOptions(countries, language) },
        sandbox: sandboxUrl !== undefined,
        sandboxUrl: sandboxUrl ?? '',
        troubles: here,
        receiver,
        kill: here && canKill(),
        cooldown: String(resendCooldownMs),
      };
    },
  });
}

function countryOptions(countries: readonly string[], language: Language): string {
  const names = new Intl.DisplayNames(language, { type: 'region' });
  const options = countries.map((code) => ({
    code,
    text: `${names.of(code) ?? code} (+${getCountryCallingCode(code as CountryCode)})`,
  }));
  return options.map(({ code, text }) => `<option value="${code}">${escapeHtml(text)}</option>`).join('\n');
}
