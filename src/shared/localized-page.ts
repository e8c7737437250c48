import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Request, RequestHandler, Response } from 'express';
import { escapeHtml } from './html.ts';
import { texts as de } from './page-assets/texts/de.js';
import { texts as en } from './page-assets/texts/en.js';

/** Every language that the pages are translated into; the first is for those who want none of them. */
const LANGUAGES = { en, de };
export type Language = keyof typeof LANGUAGES;
const NAMES = Object.keys(LANGUAGES) as Language[];

/** What all pages share: style, phone and texts. */
export const PAGE_ASSETS = fileURLToPath(new URL('./page-assets/', import.meta.url));

/** Shared with the other pages of this host, whatever their port: a choice made on one holds on all. */
const COOKIE = 'ringback-language';
const COOKIE_AGE_SECONDS = 365 * 24 * 3600;

/** What a page shows besides its texts: text, HTML that is ready, or whether a section is there. */
export type Values = Record<string, string | boolean | { html: string }>;

interface Options {
  /** HTML with `{{name}}` for a value or a text by its path, and `{{#name}}…{{/name}}` and `{{^name}}…{{/name}}` for what is there only with or without a value. */
  template: URL;
  values: (request: Request, language: Language, response: Response) => Values;
}

/**
 * Builds the handler of a page in the language of its visitor: the one chosen with `?lang=` before, else what the browser
 * asks for. A choice is kept in a cookie and leaves the address.
 */
export function localizedPage({ template, values }: Options): RequestHandler {
  const source = readFileSync(template, 'utf8');
  return (request, response) => {
    const chosen = request.query['lang'];
    if (isLanguage(chosen)) return keepChoice(chosen, request, response);
    const language = languageOf(request);
    const given = values(request, language, response);
    response.vary('accept-language').vary('cookie').set('content-language', language).type('html');
    response.send(
      render(
        source.replace('<html lang="en">', `<html lang="${language}">`),
        { languagePicker: { html: picker(language) }, ...given },
        language,
      ),
    );
  };
}

function isLanguage(name: unknown): name is Language {
  return typeof name === 'string' && Object.hasOwn(LANGUAGES, name);
}

function languageOf(request: Request): Language {
  const kept = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\w+)`).exec(request.headers.cookie ?? '')?.[1];
  if (isLanguage(kept)) return kept;
  const wanted = request.acceptsLanguages(NAMES);
  return isLanguage(wanted) ? wanted : 'en';
}

function keepChoice(language: Language, request: Request, response: Response): void {
  response.set('set-cookie', `${COOKIE}=${language}; Path=/; Max-Age=${COOKIE_AGE_SECONDS}; SameSite=Lax; HttpOnly`);
  response.redirect(303, `${request.baseUrl}${request.path}`);
}

function picker(current: Language): string {
  return NAMES.map((name) => {
    const mark = name === current ? ' aria-current="true"' : '';
    return `<a href="?lang=${name}" lang="${name}" hreflang="${name}"${mark}>${escapeHtml(LANGUAGES[name].language)}</a>`;
  }).join('\n');
}

function render(html: string, values: Values, language: Language): string {
  return withSections(html, values).replaceAll(/\{\{([\w.]+)\}\}/g, (_all, name) => {
    const value = values[name] ?? textAt(name, language);
    return typeof value === 'object' ? value.html : escapeHtml(String(value));
  });
}

/** What is there only with or without a value; a section may stand in another one. */
function withSections(html: string, values: Values): string {
  return html.replaceAll(/\{\{([#^])(\w+)\}\}([\s\S]*?)\{\{\/\2\}\}/g, (_all, kind, name, inner) =>
    Boolean(values[name]) === (kind === '#') ? withSections(inner, values) : '',
  );
}

/** @throws {Error} when no language file has it: a slip in the template. */
function textAt(path: string, language: Language): string {
  const text = path
    .split('.')
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], LANGUAGES[language]);
  if (typeof text !== 'string') throw new Error(`there is no text ${path}`);
  return text;
}
