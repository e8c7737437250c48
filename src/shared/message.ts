/** What {@link judgeMessage} finds; a `detail` tells the client what to change. */
export type MessageJudgement =
  | { ok: true }
  | {
      ok: false;
      code: 'message-empty' | 'message-control-character' | 'message-placeholder' | 'message-too-long';
      detail: string;
    };

/** GSM 03.38, the basic table without its escape character: one septet each. */
const GSM_BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
    '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** GSM 03.38, the extension table: an escape and a septet each. */
const GSM_EXTENSION = new Set('\f^{}\\[~]|€');

const GSM_SEGMENT_SEPTETS = 160;
const UCS2_SEGMENT_UNITS = 70;

/** Line feed, form feed and carriage return are in the GSM alphabet and pass; a lone surrogate is no character at all. */
const UNSENDABLE = /(?![\n\f\r])\p{Cc}|\p{Cs}/u;
const PLACEHOLDER = /\{\s*code\s*\}/i;

/**
 * Whether a custom text may stand before the code. SignalWire puts the code after it and asks for one SMS segment
 * (160 characters, 70 with one outside the GSM alphabet), so a space and the code are counted in.
 *
 * @param codeLength - digits or letters of the code; they are all in the GSM alphabet.
 */
export function judgeMessage({ message, codeLength }: { message: string; codeLength: number }): MessageJudgement {
  if (message.trim() === '') {
    return { ok: false, code: 'message-empty', detail: 'The message is empty: leave it out or write a text.' };
  }
  if (UNSENDABLE.test(message)) {
    return {
      ok: false,
      code: 'message-control-character',
      detail: 'The message holds a control character: only line breaks are allowed.',
    };
  }
  if (PLACEHOLDER.test(message)) {
    return {
      ok: false,
      code: 'message-placeholder',
      detail: 'The message holds a placeholder for the code: leave it out, the code is put after the message.',
    };
  }
  const { used, limit, outsider } = measure(`${message} ${'0'.repeat(codeLength)}`);
  if (used > limit) {
    const why = outsider ? ` ("${outsider}" is outside the GSM alphabet, so a segment holds ${limit})` : '';
    return {
      ok: false,
      code: 'message-too-long',
      detail: `With a space and the ${codeLength} characters of the code, the message takes ${used} of the ${limit} characters of one SMS segment${why}: shorten it by ${used - limit}.`,
    };
  }
  return { ok: true };
}

/** What a text takes of one segment: septets, or UCS-2 code units as soon as it has a character outside the GSM alphabet. */
function measure(text: string): { used: number; limit: number; outsider?: string } {
  let septets = 0;
  for (const character of text) {
    if (GSM_BASIC.has(character)) septets += 1;
    else if (GSM_EXTENSION.has(character)) septets += 2;
    else return { used: text.length, limit: UCS2_SEGMENT_UNITS, outsider: character };
  }
  return { used: septets, limit: GSM_SEGMENT_SEPTETS };
}
