import { describe, expect, it } from 'vitest';
import { STORY_TYPES } from '../../src/api/demo/story-types.js';
import { createWords } from '../../src/api/demo/words.js';
import { PROBLEMS } from '../../src/api/problems.ts';
import { texts as de } from '../../src/shared/page-assets/texts/de.js';
import { texts as en } from '../../src/shared/page-assets/texts/en.js';
import { StoryType } from '../../src/shared/story.ts';
import type { AttemptView, VerificationView } from '../../src/shared/verification-view.ts';

const { checksLeft, ending, progress, refusal } = createWords(en);

const attempt = (overrides: Partial<AttemptView>): AttemptView => ({
  id: 'att_1',
  step: 0,
  channel: 'sms',
  status: 'sent',
  trigger: 'initial',
  tries: 1,
  error: null,
  started_at: '2026-01-01T00:00:00.000Z',
  sent_at: overrides.status === undefined || overrides.status === 'sent' ? '2026-01-01T00:00:01.000Z' : null,
  ...overrides,
});

const view = (overrides: Partial<VerificationView>): VerificationView => ({
  id: 'ver_1',
  object: 'verification',
  status: 'pending',
  reason: null,
  to: '+14045550123',
  reference: null,
  metadata: {},
  workflow: [{ channel: 'sms', timeout: 20 }, { channel: 'call' }],
  current_step: 0,
  attempts: [attempt({})],
  next_attempt: null,
  checks: { used: 0, max: 5 },
  created_at: '2026-01-01T00:00:00.000Z',
  expires_at: '2026-01-01T00:10:00.000Z',
  closed_at: null,
  ...overrides,
});

const said = (attempts: AttemptView[], next: VerificationView['next_attempt'] = null) =>
  progress(view({ attempts, next_attempt: next }), (time) => time.slice(11, 19));

describe('what is happening now', () => {
  it('follows a text from the queue to the phone', () => {
    const next = { channel: 'call', at: '2026-01-01T00:00:21.000Z' } as const;

    expect(said([attempt({ status: 'queued', tries: 0 })])).toBe('Your text is queued.');
    expect(said([attempt({ status: 'sending' })])).toBe('Your text is being sent…');
    expect(said([attempt({ status: 'queued', tries: 1 })])).toBe('The text did not go out yet. Trying again…');
    expect(said([attempt({})], next)).toBe('Text sent. If no code is entered, a call follows at 00:00:21.');
  });

  it('says why a call follows', () => {
    const call = (trigger: AttemptView['trigger'], status: AttemptView['status'] = 'sending') =>
      attempt({ channel: 'call', trigger, status });

    expect(said([attempt({ status: 'failed' }), call('failure')])).toBe(
      'The text could not be sent. A call is on its way…',
    );
    expect(said([attempt({}), call('timeout')])).toBe(
      'No code was entered yet; the one you have still works. A call is on its way…',
    );
    expect(said([attempt({}), call('request', 'sent')])).toBe('We are calling you. Pick up and listen for the code.');
  });

  it('tells that an older code still works when the call did not go out', () => {
    expect(said([attempt({}), attempt({ channel: 'call', status: 'failed' })])).toBe(
      'The call did not go out. The code from before still works.',
    );
  });
});

describe('how it ended', () => {
  it('is “Verified!” only for an approved one', () => {
    expect(ending(view({ status: 'approved' }))).toEqual({ title: 'Verified!', text: '+14045550123 is confirmed.' });
    expect(ending(view({ status: 'failed', reason: 'too_many_checks' })).title).toBe('Too many wrong codes');
    expect(ending(view({ status: 'expired', reason: 'expired' })).title).toBe('The code has expired');
  });

  it('has words even for a reason that a later release adds', () => {
    const later = view({ status: 'failed', reason: 'a_later_one' as VerificationView['reason'] });

    expect(ending(later).title).toBe('Not verified');
  });
});

describe('a refusal', () => {
  it.each(Object.entries(PROBLEMS))('has words for %s', (code, { title }) => {
    expect(refusal({ code, title }, undefined)).toMatch(/^[A-Z].*\.?$/);
    expect(refusal({ code, title }, undefined)).not.toContain(code);
  });

  it('tells when to try again', () => {
    expect(refusal({ code: 'cooldown', title: 'x' }, 12)).toBe('A code went out a moment ago. Try again in 12 s.');
    expect(refusal({ code: 'rate-limited', title: 'x' }, 3_541)).toBe(
      'That is enough for the moment. Try again in 60 min.',
    );
  });

  it('passes on what is wrong with a number', () => {
    const errors = [{ pointer: '/to', detail: 'The country code is missing.' }];

    expect(refusal({ code: 'invalid-request', title: 'x', errors }, undefined)).toBe('The country code is missing.');
  });
});

it('counts the checks that are left', () => {
  expect([0, 3, 4, 5, 6].map((used) => checksLeft({ used, max: 5 }))).toEqual([
    '5 checks left',
    '2 checks left',
    '1 check left',
    '0 checks left',
    '0 checks left',
  ]);
});

describe('the languages', () => {
  it.each(Object.entries({ en, de }))('name only problems that there are: %s', (_name, { demo }) => {
    expect(Object.keys(PROBLEMS)).toEqual(expect.arrayContaining(Object.keys(demo.problems)));
  });

  it('have all texts of each other, each in words of its own', () => {
    const same = flatten(en).filter(([path, text]) => text === new Map(flatten(de)).get(path));

    expect(flatten(de).map(([path]) => path)).toEqual(expect.arrayContaining(flatten(en).map(([path]) => path)));
    // names, codes, and what is the same word in both
    expect(same.map(([path]) => path).filter((path) => !/^workings\.queues\./.test(path))).toEqual([
      'demo.badge',
      'demo.code',
      'phone.ownNumber',
    ]);
  });

  it.each(Object.entries({ en, de }))(
    'have a headline for everything that the timeline tells of: %s',
    (_name, texts) => {
      expect([...STORY_TYPES].sort()).toEqual([...StoryType.options].sort());
      for (const type of STORY_TYPES) expect(texts.timeline.headline({ type, text: '', data: {} })).not.toBe('');
      expect(texts.timeline.headline({ type: 'a.later.one', text: 'said by the API', data: {} })).toBe(
        'said by the API',
      );
    },
  );

  it('tell a verification in German, too', () => {
    const german = createWords(de);

    expect(german.ending(view({ status: 'approved' })).title).toBe('Bestätigt!');
    expect(german.progress(view({}), () => '')).toBe('SMS gesendet.');
    expect(german.refusal({ code: 'cooldown', title: 'x' }, 12)).toBe(
      'Eben erst ging ein Code hinaus. In 12 s noch einmal versuchen.',
    );
  });
});

/** Every text that is a plain string, by its path. */
function flatten(texts: object, path = ''): [path: string, text: string][] {
  return Object.entries(texts).flatMap(([key, value]): [string, string][] => {
    if (typeof value === 'string') return [[`${path}${key}`, value]];
    return typeof value === 'object' ? flatten(value, `${path}${key}.`) : [];
  });
}
