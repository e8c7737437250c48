import { ADMIN, type Answer, STRANGER_KEY, type Target } from './target.ts';

/** What came of an attack. */
export interface Outcome {
  /** How often it was tried. */
  tried: number;
  /** What got through, in words; nothing should. */
  through: string[];
  /** That the same thing done rightly works: without it, an attack on a dead service would always fail. */
  control: boolean;
}

export interface Attack {
  name: string;
  /** @param short - fewer tries, for every day. */
  run(target: Target, short: boolean): Promise<Outcome>;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const sixDigits = (n: number) => String(n).padStart(6, '0');
const MAX_CHECKS = 5;
/** As `LIMIT_FAILED_CHECKS` has it by default. */
const FAILED_CHECKS_PER_DAY = 20;
/** As the target has it. */
const PER_PREFIX = 20;

/** Something wrong, when it is. */
const unless = (holds: boolean, words: string): string[] => (holds ? [] : [words]);

const bruteForce: Attack = {
  name: 'codes guessed by 50 clients at once',
  async run(target) {
    const { id, code } = await target.texted('+12025552001');
    const before = target.checksAsked();
    const guesses = range(50).map((n) => (sixDigits(n) === code ? '999999' : sixDigits(n)));
    const answers = await Promise.all(
      guesses.map((guess) => target.call('POST', `/v1/verifications/${id}/checks`, { body: { code: guess } })),
    );
    const asked = target.checksAsked() - before;
    const afterwards = await target.call('POST', `/v1/verifications/${id}/checks`, { body: { code } });
    const good = await target.texted('+12025552002');
    const right = await target.call('POST', `/v1/verifications/${good.id}/checks`, { body: { code: good.code } });
    return {
      tried: guesses.length,
      through: [
        ...unless(asked <= MAX_CHECKS, `SignalWire was asked ${asked} times`),
        ...unless(!answers.some(({ body }) => body['approved'] === true), 'a guess was approved'),
        ...unless(afterwards.status === 410, `the right code after all guesses: ${afterwards.status}`),
      ],
      control: right.body['approved'] === true,
    };
  },
};

const bruteForceOverMany: Attack = {
  name: 'codes of one number guessed over many verifications',
  async run(target) {
    const to = '+12035552003';
    const before = target.checksAsked();
    let tried = 0;
    for (let round = 0; round < 12; round++) {
      const client_ip = `198.51.100.${round + 1}`;
      const made = await target.call('POST', '/v1/verifications', { body: { to, client_ip } });
      if (made.status !== 202) continue;
      const { code } = await target.sandbox.nextMessage(to);
      for (const n of range(MAX_CHECKS)) {
        tried += 1;
        const guess = sixDigits(n) === code ? '999999' : sixDigits(n);
        await target.call('POST', `/v1/verifications/${made.body['id']}/checks`, { body: { code: guess } });
      }
      await target.call('POST', `/v1/verifications/${made.body['id']}/cancel`);
    }
    const asked = target.checksAsked() - before;
    // the outer fence: ten verifications in ten minutes, whoever asks
    const most = 10 * MAX_CHECKS;
    return {
      tried,
      through: unless(asked <= most, `${asked} guesses were judged`),
      control: asked >= FAILED_CHECKS_PER_DAY,
    };
  },
};

const enumeration: Attack = {
  name: "another key's verifications looked for",
  async run(target) {
    const { id } = await target.texted('+12055552004');
    const shape = ({ status, body }: Answer) => JSON.stringify({ status, ...body, request_id: '' });
    const unknown = `ver_${'ab'.repeat(17)}`;
    const through: string[] = [];
    const routes = [
      ['GET', ''],
      ['GET', '/timeline'],
      ['GET', '/callbacks'],
      ['POST', '/cancel'],
      ['POST', '/checks'],
      ['POST', '/attempts'],
    ] as const;
    for (const [method, rest] of routes) {
      const body = method === 'GET' ? {} : { body: rest === '/checks' ? { code: '123456' } : {} };
      const foreign = await target.call(method, `/v1/verifications/${id}${rest}`, { key: STRANGER_KEY, ...body });
      const nowhere = await target.call(method, `/v1/verifications/${unknown}${rest}`, { key: STRANGER_KEY, ...body });
      through.push(...unless(shape(foreign) === shape(nowhere), `${method} ${rest} tells them apart`));
    }
    const search = { body: { to: '+12055552004' } };
    const seen = await target.call('POST', '/v1/verifications/search', { ...search, key: STRANGER_KEY });
    through.push(...unless((seen.body['data'] as unknown[]).length === 0, 'a search finds them'));
    const own = await target.call('POST', '/v1/verifications/search', search);
    return { tried: routes.length + 1, through, control: (own.body['data'] as unknown[]).length === 1 };
  },
};

const pumping: Attack = {
  name: 'sequential numbers pumped',
  async run(target, short) {
    const count = short ? 120 : 1_000;
    const before = target.sandbox.requests.length;
    let accepted = 0;
    const numbers = range(count)
      .map((n) => `+1206555${1_000 + n}`)
      .values();
    const lane = async () => {
      for (const to of numbers) {
        const { status } = await target.call('POST', '/v1/verifications', { body: { to } });
        if (status === 202) accepted += 1;
      }
    };
    await Promise.all(range(20).map(lane));
    return {
      tried: count,
      through: unless(accepted <= PER_PREFIX, `${accepted} submissions of one prefix were taken`),
      control: accepted === PER_PREFIX && target.sandbox.requests.length >= before,
    };
  },
};

const COOKIE = '__Host-ringback';

const sessions: Attack = {
  name: 'sessions guessed, tampered with, replayed, fixed',
  async run(target) {
    const board = (cookie: string) =>
      target.call('GET', '/admin/queues/api/queues', {
        key: null,
        headers: { cookie, accept: 'application/json', 'sec-fetch-site': 'same-origin' },
      });
    const form = (path: string, fields: Record<string, string>, cookie = '') =>
      fetch(target.url + path, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams(fields),
        headers: { 'sec-fetch-site': 'same-origin', accept: 'text/html', ...(cookie && { cookie }) },
      });
    const planted = `${COOKIE}=${'A'.repeat(43)}`;
    const signIn = await form('/admin/sign-in', ADMIN, planted);
    const cookies = signIn.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
    const session = cookies.find((line) => line.startsWith(`${COOKIE}=`)) ?? '';
    const [name = '', value = ''] = session.split('=');
    const control = (await board(session)).status === 200;

    const forged = [
      planted,
      `${name}=`,
      `${name}=${value.slice(0, -1)}`,
      `${name}=${value}x`,
      `${name}=${value.toLowerCase()}`,
      `${name}=${[...value].toReversed().join('')}`,
      `${name}=admin`,
      `${name}={"name":"operator","role":"operator"}`,
      `${name}=*`,
      `${name.replace('__Host-', '')}=${value}`,
    ].filter((cookie) => cookie !== session);
    const through: string[] = [];
    for (const cookie of forged) {
      const { status } = await board(cookie);
      through.push(...unless(status === 401, `${cookie.slice(0, 40)}…: ${status}`));
    }
    await form('/admin/sign-out', {}, session);
    through.push(...unless((await board(session)).status === 401, 'a session lives on after the sign-out'));
    through.push(...unless(value !== 'A'.repeat(43), 'a session was fixed from outside'));

    let guesses = 0;
    for (; guesses < 40; guesses++) {
      const answer = await form('/admin/sign-in', { user: ADMIN.user, password: `guess ${guesses}` });
      if (answer.status === 429) break;
      if (answer.status === 303) through.push('a guessed password');
    }
    through.push(...unless(guesses < 40, 'nobody stops the guessing of passwords'));
    return { tried: forged.length + 2 + guesses, through, control };
  },
};

const crossSite: Attack = {
  name: 'requests forged by another site',
  async run(target) {
    const basic = `Basic ${Buffer.from(`${ADMIN.user}:${ADMIN.password}`).toString('base64')}`;
    const add = '/admin/queues/api/queues/sms/add';
    const job = '{"name":"attempt","data":{"to":"+15555550100"}}';
    const evil: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' },
      { 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' },
      { 'sec-fetch-site': 'same-site', 'content-type': 'application/json' },
      { origin: 'https://evil.example', 'content-type': 'text/plain' },
      { origin: 'https://evil.example', 'content-type': 'application/x-www-form-urlencoded' },
      { origin: 'null', 'content-type': 'text/plain' },
    ];
    const jobs = async () => Number(await target.redis.get('{ringback:0}:sms:id')) || 0;
    const before = await jobs();
    const through: string[] = [];
    for (const headers of evil) {
      const { status } = await target.call('POST', add, {
        key: null,
        body: job,
        headers: { authorization: basic, ...headers },
      });
      through.push(...unless(status >= 400, `${JSON.stringify(headers)}: ${status}`));
    }
    through.push(...unless((await jobs()) === before, 'a job was added'));
    const own = await target.call('GET', '/admin/queues/api/queues', { key: null, headers: { authorization: basic } });
    return { tried: evil.length, through, control: own.status === 200 || own.status === 429 };
  },
};

const forgery: Attack = {
  name: 'callbacks into the private network',
  async run(target) {
    const { port } = target.canary;
    const hosts = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `[::ffff:7f00:1]:${port}`,
      `2130706433:${port}`,
      `0x7f000001:${port}`,
      `0177.0.0.1:${port}`,
      `127.1:${port}`,
      `0.0.0.0:${port}`,
      `localhost.localdomain:${port}`,
      '169.254.169.254',
      '10.0.0.1',
      '192.168.0.1',
      '100.64.0.1',
      '[fd00::1]',
      '[fe80::1]',
      '[64:ff9b::7f00:1]',
      `user:pass@127.0.0.1:${port}`,
    ];
    const through: string[] = [];
    let stored = 0;
    for (const host of hosts) {
      for (const scheme of ['https', 'http']) {
        const callback_url = `${scheme}://${host}/hook`;
        const to = `+1207555${2_000 + stored}`;
        const { status, body } = await target.call('POST', '/v1/verifications', { body: { to, callback_url } });
        if (status === 202) {
          stored += 1; // a name: it is judged when it is resolved
          await target.call('POST', `/v1/verifications/${body['id']}/cancel`);
        }
        if (status === 202 && /^[\d[]|^0x/.test(host)) through.push(`${callback_url} was taken`);
        const endpoint = await target.call('POST', '/v1/callback-endpoints', { body: { url: callback_url } });
        if (endpoint.status === 201 && /^[\d[]|^0x/.test(host)) through.push(`${callback_url} was registered`);
        if (endpoint.status === 201) await target.call('POST', `/v1/callback-endpoints/${endpoint.body['id']}/test`);
      }
    }
    // those that were stored have been tried and refused once their callbacks say so
    for (let look = 0; look < 100; look++) {
      const { body } = await target.call('GET', '/v1/callbacks?limit=100');
      const open = (body['data'] as { status: string; deliveries: unknown[] }[]).filter(
        ({ status, deliveries }) => status === 'pending' && deliveries.length === 0,
      );
      if (open.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    through.push(...unless(target.canary.connections() === 0, `${target.canary.connections()} connections came in`));
    const fine = await target.call('POST', '/v1/verifications', {
      body: { to: '+12085552005', callback_url: 'https://hooks.example.com/x' },
    });
    return { tried: 2 * 2 * hosts.length, through, control: fine.status === 202 };
  },
};

const smuggling: Attack = {
  name: 'headers injected, requests smuggled',
  async run(target) {
    const head = (lines: string[]) => [...lines, '', ''].join('\r\n');
    const hidden = 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n';
    const attempts = [
      head(['POST /v1/verifications HTTP/1.1', 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked']) +
        `0\r\n\r\n${hidden}`,
      head(['POST /v1/verifications HTTP/1.1', 'Host: x', 'Content-Length: 0', `Content-Length: ${hidden.length}`]) +
        hidden,
      head(['GET /livez HTTP/1.1', 'Host: x', 'X-A: b\nX-Injected: yes']),
      head(['GET /livez HTTP/1.1', 'Host : x']),
      head(['GET /livez\x00 HTTP/1.1', 'Host: x']),
      `${head(['GET /livez HTTP/1.1', 'Host: x', 'Transfer-Encoding: xchunked', 'Content-Length: 3'])}abc`,
      head(['GET /livez HTTP/1.1', 'Host: x', 'X-Request-Id: a\rSet-Cookie: b=c']),
    ];
    const through: string[] = [];
    for (const bytes of attempts) {
      const answer = await target.raw(bytes);
      const answers = (answer.match(/^HTTP\/1\.1 \d+/gm) ?? []).length;
      through.push(...unless(answers <= 1, `two answers to ${JSON.stringify(bytes.slice(0, 60))}`));
      through.push(...unless(!/^(x-injected|set-cookie):/im.test(answer), 'a header of ours is theirs'));
    }
    const named = await target.call('GET', '/livez', {
      key: null,
      headers: { 'x-request-id': 'mine%0d%0aset-cookie:a=b' },
    });
    through.push(...unless(named.headers.get('set-cookie') === null, 'a request id sets a cookie'));
    const control = (await target.raw(head(['GET /livez HTTP/1.1', 'Host: x', 'Connection: close']))).startsWith(
      'HTTP/1.1 200',
    );
    return { tried: attempts.length + 1, through, control };
  },
};

const pollution: Attack = {
  name: 'prototypes polluted',
  async run(target) {
    const bodies = [
      '{"to":"+12095552006","__proto__":{"polluted":"yes"}}',
      '{"to":"+12095552006","constructor":{"prototype":{"polluted":"yes"}}}',
      '{"to":"+12095552006","metadata":{"__proto__":{"polluted":"yes"}}}',
      '{"to":"+12095552006","metadata":{"__proto__":"yes","constructor":"yes"}}',
      '{"__proto__":{"to":"+12095552006"}}',
    ];
    const through: string[] = [];
    for (const body of bodies) {
      const answer = await target.call('POST', '/v1/verifications', { body });
      through.push(...unless(!('polluted' in answer.body), 'an answer is polluted'));
      through.push(...unless(answer.status < 500, `${body}: ${answer.status}`));
    }
    const query = await target.call('GET', '/v1/verifications?__proto__[polluted]=yes&constructor=1');
    through.push(...unless(query.status < 500 && !query.text.includes('polluted":"yes'), 'a query pollutes'));
    const { body } = await target.call('GET', '/v1/verifications?limit=1');
    through.push(...unless(!('polluted' in body), 'every object is polluted'));
    return { tried: bodies.length + 1, through, control: body['object'] === 'list' };
  },
};

const weight: Attack = {
  name: 'requests too large and too slow',
  async run(target, short) {
    const through: string[] = [];
    const big = await target.call('POST', '/v1/verifications', { body: { to: 'x'.repeat(1_000_000) } });
    through.push(...unless(big.status === 413, `a body of 1 MB: ${big.status}`));
    const deep = await target.call('POST', '/v1/verifications', { body: `${'['.repeat(8_000)}${']'.repeat(8_000)}` });
    through.push(...unless(deep.status < 500, `8,000 levels: ${deep.status}`));
    const header = await target.raw(`GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(1_000_000)}\r\n\r\n`);
    through.push(
      ...unless(/^HTTP\/1\.1 431/.test(header) || header === '', `a header of 1 MB: ${header.slice(0, 20)}`),
    );
    const count = short ? 50 : 500;
    const slow = range(count).map(() => target.raw('POST /v1/verifications HTTP/1.1\r\nHost: x\r\nContent-Le', 3_000));
    const control = await target.isWell();
    through.push(...unless(control, 'half requests keep others out'));
    await Promise.all(slow);
    return { tried: 3 + count, through, control };
  },
};

const theft: Attack = {
  name: "another key's idempotency keys, erasures and callbacks",
  async run(target) {
    const to = '+12105552007';
    const headers = { 'idempotency-key': 'shared' };
    const mine = await target.call('POST', '/v1/verifications', { body: { to }, headers });
    const theirs = await target.call('POST', '/v1/verifications', { body: { to }, headers, key: STRANGER_KEY });
    const again = await target.call('POST', '/v1/verifications', { body: { to }, headers });
    const through = unless(theirs.body['id'] !== mine.body['id'], 'an idempotency key gives away an answer');
    await target.call('POST', '/v1/erasures', { body: { to }, key: STRANGER_KEY });
    const kept = await target.call('GET', `/v1/verifications/${mine.body['id']}`);
    through.push(...unless(kept.body['to'] === to, "an erasure reaches another key's verification"));
    const endpoint = await target.call('POST', '/v1/callback-endpoints', {
      body: { url: 'https://hooks.example.com/y' },
    });
    const path = `/v1/callback-endpoints/${endpoint.body['id']}`;
    for (const [method, rest] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/rotate-secret'],
      ['POST', '/test'],
    ] as const) {
      const { status } = await target.call(method, path + rest, { key: STRANGER_KEY });
      through.push(...unless(status === 404, `${method} ${rest} of another's endpoint: ${status}`));
    }
    return { tried: 6, through, control: again.headers.get('idempotency-replayed') === 'true' };
  },
};

const keys: Attack = {
  name: 'API keys guessed',
  async run(target) {
    const guesses = [
      '',
      'owner',
      'owner:',
      'undefined',
      'null',
      '*',
      STRANGER_KEY.slice(0, -1),
      `${STRANGER_KEY}x`,
      'rk_00_00',
      `rk_${'0'.repeat(12)}_${'A'.repeat(43)}`,
    ];
    const through: string[] = [];
    for (const key of guesses) {
      const { status } = await target.call('GET', '/v1/verifications', { key });
      through.push(...unless(status === 401, `${key}: ${status}`));
    }
    for (const header of ['Basic b3duZXI6', 'bearer', 'Bearer  ', `Token ${STRANGER_KEY}`]) {
      const { status } = await target.call('GET', '/v1/verifications', {
        key: null,
        headers: { authorization: header },
      });
      through.push(...unless(status === 401, `${header}: ${status}`));
    }
    const own = await target.call('GET', '/v1/verifications', { key: STRANGER_KEY });
    return { tried: guesses.length + 4, through, control: own.status === 200 };
  },
};

const traversal: Attack = {
  name: 'files behind the pages',
  async run(target) {
    const climbs = [
      '../package.json',
      '..%2fpackage.json',
      '%2e%2e/package.json',
      '..%5cpackage.json',
      '%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd',
      '....//package.json',
      '%00',
      '.env',
    ];
    const through: string[] = [];
    const roots = ['/docs/', '/problems/', '/admin/', '/demo/', '/'];
    for (const root of roots) {
      for (const climb of climbs) {
        const answer = await target.raw(`GET ${root}${climb} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        through.push(
          ...unless(!/"name": "ringback"|root:x:0|SIGNALWIRE_TOKEN/.test(answer), `${root}${climb} is read`),
        );
        through.push(...unless(!/^HTTP\/1\.1 5/.test(answer), `${root}${climb} is an error of ours`));
      }
    }
    const docs = await target.call('GET', '/docs', { key: null });
    return { tried: roots.length * climbs.length, through, control: docs.status < 400 };
  },
};

const injection: Attack = {
  name: 'names that would be keys of Redis',
  async run(target) {
    const nasty = ['}:due', '{x}', '*', '\r\nFLUSHALL\r\n', 'a'.repeat(128), '\u0000', '{ringback:0}:due'];
    const through: string[] = [];
    for (const [n, text] of nasty.entries()) {
      const to = `+1212555${3_000 + n}`;
      const made = await target.call('POST', '/v1/verifications', {
        body: { to, reference: text, metadata: { [text || 'x']: text } },
      });
      through.push(...unless(made.status < 500, `${JSON.stringify(text)}: ${made.status}`));
      const listed = await target.call('GET', `/v1/verifications?reference=${encodeURIComponent(text)}`);
      through.push(...unless(listed.status < 500, `reference=${JSON.stringify(text)}: ${listed.status}`));
    }
    const foreign = (await target.redis.keys('*')).filter((key) => !key.startsWith('{ringback:0}:'));
    through.push(...unless(foreign.length === 0, `keys outside: ${foreign.slice(0, 3).join(', ')}`));
    return { tried: 2 * nasty.length, through, control: (await target.redis.dbsize()) > 0 };
  },
};

const leaks: Attack = {
  name: 'numbers and codes in what is stored',
  async run(target) {
    const to = '+12135552008';
    const { id, code } = await target.texted(to);
    await target.call('POST', `/v1/verifications/${id}/checks`, { body: { code } });
    const through: string[] = [];
    const keys = await target.redis.keys('*');
    for (const key of keys) {
      const dump = (await target.redis.dumpBuffer(key))?.toString('latin1') ?? '';
      through.push(...unless(!`${key} ${dump}`.includes(to.slice(1)), `the number in ${key}`));
      through.push(...unless(!new RegExp(`(?<!\\d)${code}(?!\\d)`).test(`${key} ${dump}`), `the code in ${key}`));
    }
    const read = await target.call('GET', `/v1/verifications/${id}`);
    return { tried: keys.length, through, control: read.body['to'] === to };
  },
};

export const ATTACKS: readonly Attack[] = [
  bruteForce,
  bruteForceOverMany,
  enumeration,
  pumping,
  crossSite,
  sessions,
  keys,
  theft,
  forgery,
  smuggling,
  pollution,
  weight,
  traversal,
  injection,
  leaks,
];
