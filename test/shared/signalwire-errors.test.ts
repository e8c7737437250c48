import { describe, expect, it } from 'vitest';
import { readProviderError, scrub, toDetail } from '../../src/shared/signalwire-errors.ts';

describe('reading an error body', () => {
  it.each([
    [
      "the relay API's list",
      { errors: [{ detail: "To can't be blank", status: '422', title: 'Invalid Attribute', code: '422' }] },
      "To can't be blank",
    ],
    [
      'a list whose detail is null',
      { errors: [{ detail: null, status: '422', title: 'Invalid Attribute', code: '422' }] },
      'Invalid Attribute',
    ],
    [
      'the list of the other APIs',
      {
        errors: [
          { type: 'validation_error', code: 'not_routable', message: 'The call is not routable', attribute: 'to' },
        ],
      },
      'to: The call is not routable (not_routable)',
    ],
    ['several errors', { errors: [{ detail: 'To is bad' }, { detail: 'From is bad' }] }, 'To is bad; From is bad'],
    ['a list of strings', { errors: ['To is bad', 'From is bad'] }, 'To is bad; From is bad'],
    ['a single error object', { errors: { detail: 'To is bad', code: '422' } }, 'To is bad'],
    ['a single error string', { errors: 'To is bad' }, 'To is bad'],
    [
      'a flat object with a type',
      { type: 'validation_error', code: 'not_e164', message: 'Not E.164' },
      'Not E.164 (not_e164)',
    ],
    [
      "the compatibility API's flat object",
      { code: '21717', message: 'From is in no campaign', more_info: 'https://example.com', status: 400 },
      'From is in no campaign',
    ],
    ['a code in number form', { code: 21717, message: 'From is in no campaign' }, 'From is in no campaign'],
    ['an error string', { error: 'Unauthorized' }, 'Unauthorized'],
    ['an error object', { error: { message: 'No such space', code: 'nope' } }, 'No such space (nope)'],
    ['a bare string', 'Unauthorized', 'Unauthorized'],
    ['a type where the code is missing', { type: 'cannot_process' }, 'cannot_process'],
    ['an object without words', { status: 422 }, ''],
    ['words of a wrong type', { errors: [{ detail: { a: 1 }, title: 7, message: '' }, null, 5] }, ''],
    ['null', null, ''],
  ])('understands %s', (_, body, words) => {
    expect(readProviderError(JSON.stringify(body)).words).toBe(words);
  });

  it('takes text that is not JSON as it is, HTML without its tags', () => {
    expect(readProviderError('upstream gone').words).toBe('upstream gone');
    expect(scrub(readProviderError('<html><h1>Bad\n gateway</h1></html>').words, [])).toBe('Bad gateway');
    expect(readProviderError('').words).toBe('');
  });

  it('survives a body nested beyond all sense', () => {
    expect(readProviderError(`${'['.repeat(30_000)}"x"${']'.repeat(30_000)}`).words).toBe('');
    expect(readProviderError(`${'{"errors":'.repeat(6_000)}"x"${'}'.repeat(6_000)}`).words).toBe('');
  });

  it.each([
    ['not_routable', false],
    ['invalid_to_number', false],
    ['rate_limit_exceeded', false],
    ['insufficient_balance', true],
    ['invalid_from_number', true],
    ['inactive_campaign', true],
    ['associated_campaign_suspended', true],
    ['not_allowed_on_subscription_plan', true],
    ['sending_restricted_to_verified', true],
    ['auto_top_up_deactivated', true],
  ])('knows the code %s; it speaks of the account: %s', (code, account) => {
    expect(readProviderError(JSON.stringify({ errors: [{ code, message: 'x' }] }))).toMatchObject({ code, account });
  });

  it.each(['422', 'something_new', '', 21717])('takes %j for no known code', (code) => {
    const error = readProviderError(JSON.stringify({ errors: [{ code, detail: 'x' }] }));
    expect(error).toMatchObject({ code: undefined, account: false });
  });

  it('lets the code that speaks of the account come first', () => {
    const body = JSON.stringify({
      errors: [{ code: 'not_routable' }, { code: '422' }, { code: 'insufficient_balance' }],
    });
    expect(readProviderError(body)).toMatchObject({ code: 'insufficient_balance', account: true });
  });
});

describe('scrubbing', () => {
  it.each([
    ['+447700900123', '••••23'],
    ['To +14045550123 is bad', 'To ••••23 is bad'],
    ['14045550123', '••••23'],
    ['(404) 555-0123', '(••••23'],
    ['+1 404 555 0123.', '••••23.'],
    ['+1.404.555.0123', '••••23'],
    ['404/555/0123', '••••23'],
    ['404, 555, 0123', '••••23'],
    ['404\u2011555\u20130123', '••••23'],
    ['+1\u00a0404\u00a0555\u00a00123', '••••23'],
    ['+1\u200b404\u200b5550123', '••••23'],
    ['+1\n404\n5550123', '••••23'],
    ['４０４５５５０１２３', '••••23'],
    ['%2B14045550123', '%2B••••23'],
    ['from +14045550123 to +447700900456', 'from ••••23 to ••••56'],
    ['+1234567', '••••67'],
  ])('hides the number in %j', (words, shown) => {
    expect(scrub(words, [])).toBe(shown);
  });

  it.each(['must be 160 characters', 'code 21717', 'at most 604800 seconds', 'Label is not E.164'])(
    'leaves %j alone',
    (words) => {
      expect(scrub(words, [])).toBe(words);
    },
  );

  it('hides every credential, wherever it stands and although it looks like a number', () => {
    expect(
      scrub('Basic cHI6dG8= of pr-1 with PT12345678901, PT12345678901', ['cHI6dG8=', 'PT12345678901', 'pr-1', '']),
    ).toBe('Basic [hidden] of [hidden] with [hidden], [hidden]');
  });

  it('makes one line without control characters', () => {
    expect(scrub(' a\u0000b\r\n\tc\u001b[31m \u202ed \ud800', [])).toBe('a b c [31m d');
  });
});

describe('cutting a detail', () => {
  it('keeps 200 characters and cuts what is longer', () => {
    expect(toDetail('x'.repeat(200))).toBe('x'.repeat(200));
    expect(toDetail('x'.repeat(201))).toBe(`${'x'.repeat(199)}…`);
  });

  it('leaves no half character at the cut', () => {
    const detail = toDetail(`${'x'.repeat(198)}😀😀`);
    expect(detail.isWellFormed()).toBe(true);
    expect(detail).toHaveLength(200);
  });
});
