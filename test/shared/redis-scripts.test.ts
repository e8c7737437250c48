import { beforeEach, describe, expect, it } from 'vitest';
import { START, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });

const ID = 'ver_1';
const LISTS = ['all', 'by-number', 'by-reference'];
const KEYS = [
  'verification',
  'due',
  'due-callbacks',
  'callbacks',
  'active',
  'owner-callbacks',
  'endpoints-version',
  ...LISTS,
];

interface Write {
  id?: string;
  /** `0`: none; else the count and the token of the last write. */
  version?: string;
  doc?: string;
  token?: string;
  due?: number | '';
  vanishesAt?: number | '';
  state?: 'open' | 'closed';
  callbacks?: string[];
  story?: string;
  endpoints?: string;
}

/** One write of save-verification.lua, as the store sends it. */
function write({ callbacks = [], ...w }: Write = {}) {
  return storage.runScript(
    'saveVerification',
    [...KEYS, ...callbacks.flatMap((id) => [`callback:${id}`, 'target-callbacks'])],
    [
      w.id ?? ID,
      w.version ?? '0',
      w.doc ?? 'doc',
      w.token ?? 'token',
      w.due ?? START,
      w.vanishesAt ?? '',
      w.state ?? 'open',
      START - 1,
      START + 99,
      w.endpoints ?? '',
      'changes',
      w.story ?? '',
      ...callbacks.flatMap((id) => [id, `doc of ${id}`, `body of ${id}`]),
    ],
  );
}

describe('save-verification.lua', () => {
  it('stores a new record with everything that belongs to it', async () => {
    expect(await write({ callbacks: ['cb_1', 'cb_2'] })).toEqual([1]);

    expect(await storage.everything()).toEqual({
      active: { value: ID, vanishesAt: -1 },
      ...Object.fromEntries(
        LISTS.map((list) => [list, { value: [ID, String(START - 1)], vanishesAt: START + 99 + 86_400_000 }]),
      ),
      'callback:cb_1': { value: '1\ndoc of cb_1\nbody of cb_1', vanishesAt: START + 99 },
      'callback:cb_2': { value: '1\ndoc of cb_2\nbody of cb_2', vanishesAt: START + 99 },
      callbacks: { value: ['cb_1', 'cb_2'], vanishesAt: START + 99 },
      due: { value: [ID, String(START)], vanishesAt: -1 },
      'owner-callbacks': { value: ['cb_1', String(START - 1), 'cb_2', String(START - 1)], vanishesAt: START + 99 },
      'target-callbacks': { value: ['cb_1', String(START - 1), 'cb_2', String(START - 1)], vanishesAt: START + 99 },
      'due-callbacks': { value: ['cb_1', String(START - 1), 'cb_2', String(START - 1)], vanishesAt: -1 },
      verification: { value: '1 token\ndoc\n', vanishesAt: -1 },
    });
  });

  it('stores nothing when its callbacks were made for an outdated set of endpoints', async () => {
    await storage.redis.set('endpoints-version', 2);

    expect(await write({ callbacks: ['cb_1'], endpoints: '1' })).toEqual([3]);
    expect(Object.keys(await storage.everything())).toEqual(['endpoints-version']);
    expect(await write({ callbacks: ['cb_1'], endpoints: '2' })).toEqual([1]);
  });

  it('drops from the lists of callbacks what has vanished by now', async () => {
    const vanished = START - 1 - 100 - 1; // callbacks live for 100 ms here
    await storage.redis.zadd('owner-callbacks', vanished, 'cb_old', vanished + 1, 'cb_last');
    await write({ callbacks: ['cb_1'] });

    expect(await storage.redis.zrange('owner-callbacks', 0, '-1')).toEqual(['cb_last', 'cb_1']);
  });

  it('replaces the state under the version that was read', async () => {
    await write();

    expect(await write({ version: '1 token', doc: 'new', token: 'second', due: START + 5 })).toEqual([1]);

    const { verification, due, active } = await storage.everything();
    expect(verification?.value).toBe('2 second token\nnew\n');
    expect(due?.value).toEqual([ID, String(START + 5)]);
    expect(active?.value).toBe(ID);
  });

  it('adds what is told to the story, up to 32 KB; an end is always told', async () => {
    await write({ story: 'made\n' });
    await write({ version: '1 token', story: `${'x'.repeat(32_768)}\n` });
    await write({ version: '2 token', story: 'one more\n' });
    await write({ version: '2 token', story: 'of a lost race\n' });
    await write({ version: '3 token', state: 'closed', vanishesAt: START + 7, story: 'closed\n' });

    expect(await storage.redis.get('verification')).toBe(
      `4 token token token token\ndoc\nmade\n${'x'.repeat(32_768)}\nclosed\n`,
    );
  });

  it('closes in one step: out of the index, the number free, the record dated, the callback owed', async () => {
    await write();

    await write({ version: '1 token', due: '', state: 'closed', vanishesAt: START + 7, callbacks: ['cb_1'] });

    const all = await storage.everything();
    expect(Object.keys(all)).toEqual([
      ...LISTS,
      'callback:cb_1',
      'callbacks',
      'due-callbacks',
      'owner-callbacks',
      'target-callbacks',
      'verification',
    ]);
    expect(all['verification']?.vanishesAt).toBe(START + 7);
  });

  it.each([
    ['an older version', '1 first'],
    ['a version that is not there yet', '3 third'],
    ['as many writes, of which the last was another one', '2 lost'],
    ['as many writes, of which the last is not known', '2'],
    ['none, as if it were new', '0'],
  ])('stores nothing at all over %s, and tells the current state', async (_, version) => {
    await write({ token: 'first' });
    await write({ version: '1 first', doc: 'current', token: 'second' });
    const before = await storage.everything();

    const answer = await write({
      version,
      doc: 'mine',
      token: 'third',
      due: '',
      state: 'closed',
      vanishesAt: START,
      callbacks: ['cb_1'],
    });

    expect(answer).toEqual([0, '2 second first\ncurrent\n']);
    expect(await storage.everything()).toEqual(before);
  });

  it('stores nothing where the record is gone', async () => {
    expect(await write({ version: '1 token', callbacks: ['cb_1'] })).toEqual([0]);
    expect(await storage.everything()).toEqual({});
  });

  it('stores nothing new while the number has an open one, and names that one', async () => {
    await storage.redis.set('active', 'ver_other');

    expect(await write({ callbacks: ['cb_1'] })).toEqual([2, 'ver_other']);

    expect(Object.keys(await storage.everything())).toEqual(['active']);
  });

  it('stores a new one once the number is free again', async () => {
    await write();
    await write({ version: '1 token', due: '', state: 'closed', vanishesAt: START });
    await storage.redis.del('verification');

    expect(await write({ id: 'ver_2' })).toEqual([1]);
    expect(await storage.redis.get('active')).toBe('ver_2');
  });

  it('leaves the note alone when it names another one', async () => {
    await write();
    await storage.redis.set('active', 'ver_other');

    await write({ version: '1 token', token: 'b' });
    await write({ version: '2 b', due: '', state: 'closed', vanishesAt: START, token: 'c' });

    expect(await storage.redis.get('active')).toBe('ver_other');
  });

  it('never claims the number for a new one that is closed from the start', async () => {
    expect(await write({ state: 'closed', vanishesAt: START, callbacks: ['cb_1'] })).toEqual([1]);
    expect(await storage.redis.get('active')).toBeNull();
    expect(await storage.redis.pexpiretime('verification')).toBe(START);
  });

  it('does not put the note back on a later write', async () => {
    await write();
    await storage.redis.del('active');

    await write({ version: '1 token' });

    expect(await storage.redis.get('active')).toBeNull();
  });

  it('keeps the last four tokens, the newest first', async () => {
    const kept: (string | undefined)[] = [];
    for (let count = 0; count < 6; count++) {
      await write({ version: count === 0 ? '0' : `${count} t${count - 1}`, token: `t${count}` });
      kept.push((await storage.redis.get('verification'))?.split('\n')[0]);
    }
    expect(kept).toEqual(['1 t0', '2 t1 t0', '3 t2 t1 t0', '4 t3 t2 t1 t0', '5 t4 t3 t2 t1', '6 t5 t4 t3 t2']);
  });

  it('takes the same write twice for once, and answers the second with its token', async () => {
    const first = { token: 'a', callbacks: ['cb_1'] };
    await write(first);
    expect(await write(first)).toEqual([0, '1 a\ndoc\n']);
    const second = { version: '1 a', doc: 'new', token: 'b', callbacks: ['cb_2'] };
    await write(second);
    const before = await storage.everything();

    expect(await write(second)).toEqual([0, '2 b a\nnew\n']);
    expect(await storage.everything()).toEqual(before);
    expect(before['callbacks']?.value).toEqual(['cb_1', 'cb_2']);
  });

  it('lets the list of callbacks live as long as its newest entry', async () => {
    await write({ callbacks: ['cb_1'] });
    await storage.redis.pexpireat('callbacks', START);

    await write({ version: '1 token', callbacks: ['cb_2'] });

    expect((await storage.everything())['callbacks']).toEqual({ value: ['cb_1', 'cb_2'], vanishesAt: START + 99 });
  });
});

describe('save-callback.lua', () => {
  const save = (version: string, doc: string, due: number | '', token: string) =>
    storage.runScript('saveCallback', ['callback', 'due-callbacks'], ['cb_1', version, doc, due, token]);

  beforeEach(async () => {
    await storage.redis.set('callback', '1\ndoc\nbody', 'PXAT', START + 99);
    await storage.redis.zadd('due-callbacks', START, 'cb_1');
  });

  it('stores the new state and when it is due, and never touches the body', async () => {
    expect(await save('1', 'new', START + 5, 'a')).toBe(1);

    expect(await storage.everything()).toMatchObject({
      callback: { value: '2 a\nnew\nbody', vanishesAt: START + 99 },
      'due-callbacks': { value: ['cb_1', String(START + 5)] },
    });
  });

  it('takes a settled one out of the index', async () => {
    expect(await save('1', 'new', '', 'a')).toBe(1);
    expect(await storage.redis.exists('due-callbacks')).toBe(0);
  });

  it.each(['0', '2', '1 lost'])('stores nothing over another version (%s)', async (version) => {
    const before = await storage.everything();

    expect(await save(version, 'new', '', 'a')).toBe(0);
    expect(await storage.everything()).toEqual(before);
  });

  it('answers the same write sent twice as stored, and stores it once', async () => {
    await save('1', 'new', START + 5, 'a');
    const before = await storage.everything();

    expect(await save('1', 'new', START + 5, 'a')).toBe(1);
    expect(await storage.everything()).toEqual(before);
    expect(await save('1', 'mine', START + 6, 'b')).toBe(0);
  });

  it('tells the story of its verification once, while there is one', async () => {
    const told = (version: string, token: string) =>
      storage.runScript(
        'saveCallback',
        ['callback', 'due-callbacks', 'verification'],
        ['cb_1', version, 'new', '', token, 'told\n', 'changes', ID],
      );
    expect(await told('1', 'a')).toBe(1);
    expect(await storage.redis.exists('verification')).toBe(0); // it has vanished: nothing is put in its place

    await storage.redis.set('verification', '7\ndoc\nbefore\n', 'PXAT', START);
    expect([await told('2 a', 'b'), await told('2 a', 'b'), await told('2 a', 'c')]).toEqual([1, 1, 0]);
    expect(await storage.redis.get('verification')).toBe('7\ndoc\nbefore\ntold\n');
    expect(await storage.redis.pexpiretime('verification')).toBe(START);
  });

  it('stores nothing where the callback is gone', async () => {
    await storage.redis.flushdb();

    expect(await save('1', 'new', START, 'a')).toBe(0);
    expect(await storage.everything()).toEqual({});
  });
});

describe('mark-record.lua', () => {
  const mark = (version: string) => storage.runScript('markRecord', ['record', 'mark'], [version]);

  it.each(['3 token older', '1'])('writes after a record that is as it was read (%s)', async (header) => {
    await storage.redis.set('record', `${header}\ndoc\n`);
    const [version] = header.split(' older');

    expect([await mark(version ?? ''), await mark(version ?? '')]).toEqual([1, 1]);
    expect(await storage.redis.get('mark')).toBe(version);
  });

  it.each(['4 token', '3 other', '3', undefined])('writes nothing after another one (%s)', async (version) => {
    if (version !== undefined) await storage.redis.set('record', `${version}\ndoc\n`);

    expect(await mark('3 token')).toBe(0);
    expect(await storage.redis.exists('mark')).toBe(0);
  });
});

describe('look-again.lua', () => {
  const lookAgain = (version: string) => storage.runScript('lookAgain', ['record', 'index'], ['x', version, START + 5]);

  it('moves the place of a record that is as it was', async () => {
    await storage.redis.set('record', '3 token\ndoc\n');
    await storage.redis.zadd('index', START, 'x', START, 'y');

    expect(await lookAgain('3 token')).toBe(1);
    expect(await lookAgain('3 token')).toBe(1);
    expect(await storage.redis.zrange('index', '0', '-1', 'WITHSCORES')).toEqual([
      'y',
      String(START),
      'x',
      String(START + 5),
    ]);
  });

  it('moves it forward, too', async () => {
    await storage.redis.set('record', '3 token\ndoc\n');
    await storage.redis.zadd('index', START + 60_000, 'x');

    expect(await lookAgain('3 token')).toBe(1);
    expect(await storage.redis.zscore('index', 'x')).toBe(String(START + 5));
  });

  it.each(['4 token', '3 other', '3'])('leaves the place of one that changed meanwhile (%s)', async (version) => {
    await storage.redis.set('record', `${version}\ndoc\n`);
    await storage.redis.zadd('index', START, 'x');

    expect(await lookAgain('3 token')).toBe(0);
    expect(await storage.redis.zscore('index', 'x')).toBe(String(START));
  });

  it('never puts back one that needs no look any more', async () => {
    await storage.redis.set('record', '3 token\ndoc\n');

    await lookAgain('3 token');

    expect(await storage.redis.exists('index')).toBe(0);
  });

  it('drops the place of one that is gone, and of no other', async () => {
    await storage.redis.zadd('index', START, 'x', START, 'y');

    expect(await lookAgain('0')).toBe(-1);
    expect(await lookAgain('0')).toBe(-1);
    expect(await storage.redis.zrange('index', '0', '-1')).toEqual(['y']);
  });
});

describe('forget-active.lua', () => {
  it('drops the note that names this one', async () => {
    await storage.redis.set('active', ID);

    expect(await storage.runScript('forgetActive', ['active'], [ID])).toBe(1);
    expect(await storage.redis.exists('active')).toBe(0);
    expect(await storage.runScript('forgetActive', ['active'], [ID])).toBe(0);
  });

  it('keeps the note that names another one', async () => {
    await storage.redis.set('active', 'ver_other');

    expect(await storage.runScript('forgetActive', ['active'], [ID])).toBe(0);
    expect(await storage.redis.get('active')).toBe('ver_other');
  });
});

describe('note-rate-limited.lua', () => {
  const WINDOW_MS = 10_000;
  const note = (number: string, at: number) =>
    storage.runScript('noteRateLimited', ['rate-limited'], [number, START + at, WINDOW_MS]);

  it('counts different numbers, and each once', async () => {
    expect(await note('a', 0)).toBe(1);
    expect(await note('a', 1)).toBe(1);
    expect(await note('b', 2)).toBe(2);
    expect(await note('b', 2)).toBe(2);
  });

  it('forgets a number after the window, counted from its latest 429', async () => {
    await note('a', 0);
    await note('b', 0);
    await note('a', 5_000);

    expect(await note('c', WINDOW_MS)).toBe(3);
    expect(await note('c', WINDOW_MS + 1)).toBe(2);
    expect(await note('c', WINDOW_MS + 5_000)).toBe(2);
    expect(await note('c', WINDOW_MS + 5_001)).toBe(1);
  });

  it('vanishes by itself after the window', async () => {
    await note('a', 0);
    await storage.redis.persist('rate-limited');
    await note('b', 0);

    const ttl = await storage.redis.pttl('rate-limited');
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(WINDOW_MS);
  });
});

describe('save-endpoint.lua', () => {
  const save = (before: string, after: string) =>
    storage.runScript('saveEndpoint', ['endpoints', 'endpoints-version'], ['ce_1', before, after]);

  it('makes, replaces and deletes what is still as it was read, and counts every change', async () => {
    expect(await save('', 'one')).toBe(1);
    expect(await save('', 'other')).toBe(0);
    expect(await save('one', 'two')).toBe(1);
    expect(await save('one', 'three')).toBe(0);
    expect(await storage.redis.hgetall('endpoints')).toEqual({ ce_1: 'two' });
    expect(await save('one', '')).toBe(0);
    expect(await save('two', '')).toBe(1);

    expect(await storage.redis.exists('endpoints')).toBe(0);
    expect(await storage.redis.get('endpoints-version')).toBe('3');
  });
});

describe('note-delivery.lua', () => {
  const note = (succeeded: 0 | 1, now: number) =>
    storage.runScript('noteDelivery', ['failures'], [succeeded, now, 60_000]);

  it('tells since when and how often it only failed, until it succeeds', async () => {
    expect(await note(0, START)).toEqual([START, 1]);
    expect(await note(0, START + 5)).toEqual([START, 2]);
    expect(await storage.redis.pttl('failures')).toBeGreaterThan(0);
    expect(await note(1, START + 6)).toEqual([0, 0]);
    expect(await note(0, START + 7)).toEqual([START + 7, 1]);
  });
});

describe('record-callbacks.lua', () => {
  it('records callbacks as due now, in the lists of their owner and their target', async () => {
    const keys = ['due-callbacks', 'owner-callbacks', 'callback:cb_1', 'target-callbacks'];
    expect(await storage.runScript('recordCallbacks', keys, [START, START + 99, 'cb_1', 'doc', 'body'])).toBe(1);

    const listed = { value: ['cb_1', String(START)], vanishesAt: START + 99 };
    expect(await storage.everything()).toEqual({
      'callback:cb_1': { value: '1\ndoc\nbody', vanishesAt: START + 99 },
      'due-callbacks': { value: ['cb_1', String(START)], vanishesAt: -1 },
      'owner-callbacks': listed,
      'target-callbacks': listed,
    });
  });
});
