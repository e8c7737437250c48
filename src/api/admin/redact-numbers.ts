import { maskNumber } from '../../shared/phone-number.ts';

/** Not the shown part of what is masked already. */
const NUMBER = /\+[1-9]\d{6,14}(?![\d•])/g;

/** What will be sent as JSON, with every full phone number in it masked, however deep it stands. */
export function redactNumbers<T>(body: T): T {
  if (body === undefined) return body;
  return JSON.parse(JSON.stringify(body).replaceAll(NUMBER, (number) => maskNumber(number)));
}
