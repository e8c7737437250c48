import fc from 'fast-check';
import { request } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createCallbackAgent,
  createNetworkPolicy,
  judgeTargetUrl,
  parseCidr,
  TargetRefusedError,
} from '../../src/shared/callback-target.ts';
import { scriptedLookup, startHttpServer, startHttpsServer, startTcpServer, TLS } from '../callback-server.ts';

const PUBLIC_ADDRESS = '93.184.215.14';
const onlyPublic = createNetworkPolicy([]);
const withLoopback = createNetworkPolicy(['127.0.0.0/8']);

describe('the public internet', () => {
  it.each([
    // [last before it, first of it, last of it, first behind it]; undefined where another closed network begins
    ['0.0.0.0/8', undefined, '0.0.0.0', '0.255.255.255', '1.0.0.0'],
    ['10.0.0.0/8', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
    ['100.64.0.0/10', '100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
    ['127.0.0.0/8', '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
    ["Azure's 168.63.129.16", '168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
    ['169.254.0.0/16', '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
    ['172.16.0.0/12', '172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
    ['192.0.0.0/24', '191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
    ['192.0.2.0/24', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
    ['192.88.99.0/24', '192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
    ['192.168.0.0/16', '192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
    ['198.18.0.0/15', '198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
    ['198.51.100.0/24', '198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
    ['203.0.113.0/24', '203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
    ['224.0.0.0/3', '223.255.255.255', '224.0.0.0', '255.255.255.255', undefined],
    ['below 2000::/3', undefined, '::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2000::'],
    ['2001::/23', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001::', '2001:1ff:ffff::', '2001:200::'],
    ['2001:db8::/32', '2001:db7:ffff::', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
    ['2002::/16', '2001:ffff:ffff::', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2003::'],
    ['3fff::/20', '3ffe:ffff::', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '3fff:1000::'],
    ['above 2000::/3', '3fff:ffff:ffff::', '4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', undefined],
  ])('does not hold %s', (_, before, first, last, behind) => {
    const open = [before, behind].filter((ip) => ip !== undefined);

    expect(open.filter((ip) => !onlyPublic.isPublic(ip))).toEqual([]);
    expect([first, last].filter((ip) => onlyPublic.isPublic(ip))).toEqual([]);
    expect(open.every(onlyPublic.allows)).toBe(true);
    expect([first, last].some(onlyPublic.allows)).toBe(false);
  });

  it.each([
    ['loopback', '::1'],
    ['link-local', 'fe80::1'],
    ['link-local with its zone', 'fe80::1%eth0'],
    ['unique local', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::8.8.8.8'],
    ['local NAT64', '64:ff9b:1::8.8.8.8'],
    ['6to4', '2002:808:808::1'],
    ['Teredo', '2001:0:808:808::1'],
    ['segment routing', '5f00::1'],
  ])('does not hold %s addresses', (_, ip) => {
    expect(onlyPublic.isPublic(ip)).toBe(false);
  });

  it('holds no text that is not an address', () => {
    for (const text of ['', 'localhost', '127.1', '8.8.8', '8.8.8.8/32', '08.8.8.8', '[2600::1]', ' 8.8.8.8']) {
      expect(onlyPublic.isPublic(text)).toBe(false);
    }
  });
});

describe('an IPv4-mapped address', () => {
  const spellings = fc.ipV4().map((ip) => {
    const [a = 0, b = 0, c = 0, d = 0] = ip.split('.').map(Number);
    const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    return { ip, mapped: [`::ffff:${ip}`, `::FFFF:${ip}`, `::ffff:${groups}`, `0:0:0:0:0:ffff:${groups}`] };
  });

  it('is judged as the IPv4, however it is spelled', () => {
    const policy = createNetworkPolicy(['10.1.0.0/16', '127.0.0.0/8', '8.0.0.0/7']);
    fc.assert(
      fc.property(spellings, ({ ip, mapped }) => {
        for (const spelling of mapped) {
          expect(policy.isPublic(spelling)).toBe(policy.isPublic(ip));
          expect(policy.isListed(spelling)).toBe(policy.isListed(ip));
        }
      }),
      { examples: [[{ ip: '8.8.8.8', mapped: ['::ffff:808:808'] }], [{ ip: '127.0.0.1', mapped: ['::ffff:7f00:1'] }]] },
    );
  });
});

describe('an allowed network', () => {
  it.each([
    ['10.1.2.0/24', '10.1.2.255', '10.1.3.0'],
    ['10.1.2.3/24', '10.1.2.0', '10.1.3.0'],
    ['127.0.0.1/32', '127.0.0.1', '127.0.0.2'],
    ['fd00::/8', 'fdff::1', 'fe00::1'],
    ['fe80::/10', 'fe80::1%eth0', 'fec0::1'],
    ['64:ff9b::/96', '64:ff9b::a00:1', '64:ff9b:1::a00:1'],
    ['2002::/16', '2002:a00:1::', '2001:db8::1'],
    ['::1/128', '::1', '127.0.0.1'],
    ['::/0', '::1', '127.0.0.1'],
    ['::/0', 'fd00::1', '::ffff:10.0.0.1'],
    ['0.0.0.0/0', '10.0.0.1', 'fd00::1'],
  ])('%s holds %s, not %s', (cidr, inside, outside) => {
    const policy = createNetworkPolicy([cidr]);

    expect([policy.isListed(inside), policy.allows(inside)]).toEqual([true, true]);
    expect([policy.isListed(outside), policy.allows(outside)]).toEqual([false, false]);
  });

  it('makes nothing public, and closes nothing that is', () => {
    expect(withLoopback.isPublic('127.0.0.1')).toBe(false);
    expect(withLoopback.allows(PUBLIC_ADDRESS)).toBe(true);
    expect(withLoopback.isListed(PUBLIC_ADDRESS)).toBe(false);
  });

  it('is read from CIDR notation', () => {
    expect(parseCidr('10.0.0.0/8')).toEqual({ address: '10.0.0.0', prefix: 8, family: 'ipv4' });
    expect(parseCidr('FD00:0::/8')).toEqual({ address: 'fd00::', prefix: 8, family: 'ipv6' });
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/255.0.0.0',
    '10.0.0/8',
    '010.0.0.0/8',
    ' 10.0.0.0/8',
    'fd00::/129',
    'fe80::1%eth0/64',
    '::ffff:10.0.0.0/104',
    '::ffff:10.0.0.0/8',
    '[fd00::]/8',
    'localhost/8',
  ])('is not read from %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
    expect(() => createNetworkPolicy([text])).toThrow(RangeError);
  });
});

describe('the URL of a target', () => {
  const codeOf = (url: string, policy = onlyPublic) => {
    const judged = judgeTargetUrl(url, policy);
    return judged.ok ? 'ok' : judged.code;
  };

  it.each([
    'https://client.example/hooks?tenant=1',
    'https://client.example:8443',
    `https://${PUBLIC_ADDRESS}/`,
    'https://[2600:1f18::1]/',
    'https://bücher.example/',
  ])('may be %s', (url) => {
    expect(judgeTargetUrl(url, onlyPublic)).toEqual({ ok: true, url: new URL(url) });
  });

  it.each([
    ['', 'invalid-url'],
    ['client.example/hooks', 'invalid-url'],
    ['/hooks', 'invalid-url'],
    ['https://', 'invalid-url'],
    ['https:client.example', 'invalid-url'],
    ['https:/client.example', 'invalid-url'],
    ['https:///client.example', 'invalid-url'],
    ['https:\\\\client.example', 'invalid-url'],
    ['https://client.example\\@10.0.0.1/', 'invalid-url'],
    [' https://client.example', 'invalid-url'],
    ['https://client.example/a\nb', 'invalid-url'],
    ['https://client.example/a b', 'invalid-url'],
    ['https://client.example:99999', 'invalid-url'],
    ['https://1.2.3.4.5/', 'invalid-url'],
    ['https://[fe80::1%25eth0]/', 'invalid-url'],
    ['http://client.example', 'not-https'],
    [`http://${PUBLIC_ADDRESS}`, 'not-https'],
    ['ftp://client.example', 'not-https'],
    ['https://user@client.example', 'user-info'],
    ['https://:password@client.example', 'user-info'],
    ['https://client.example/#part', 'fragment'],
    ['https://client.example/#', 'fragment'],
  ])('may not be %j: %s', (url, code) => {
    expect(codeOf(url)).toBe(code);
  });

  it('may have 2048 characters, not more', () => {
    const url = 'https://client.example/'.padEnd(2048, 'x');

    expect(codeOf(url)).toBe('ok');
    expect(codeOf(`${url}x`)).toBe('too-long');
  });

  it.each([
    'https://127.0.0.1/',
    'https://127.0.0.1./',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://%31%32%37.0.0.1/',
    'https://①②⑦.0.0.1/',
    'https://[::ffff:127.0.0.1]/',
    'https://[0:0:0:0:0:FFFF:7F00:1]/',
    'http://127.0.0.1:3000/',
  ])('may be %s only where its network is allowed', (url) => {
    expect(codeOf(url)).toBe('address-not-allowed');
    expect(codeOf(url, withLoopback)).toBe('ok');
  });

  it.each(['localhost', 'localhost.', 'LOCALHOST', 'app.localhost'])(
    'may name %s as any other name: it is judged when the socket opens',
    (host) => {
      expect(codeOf(`https://${host}:3000/`)).toBe('ok');
      expect(codeOf(`http://${host}:3000/`)).toBe('not-https');
      expect(codeOf(`http://${host}:3000/`, withLoopback)).toBe('ok');
    },
  );

  it('may be http by name once any network is allowed: the name is judged when the socket opens', () => {
    expect(codeOf('http://receiver.internal/', withLoopback)).toBe('ok');
    expect(codeOf('http://notlocalhost/', withLoopback)).toBe('ok');
  });

  it('may not be http to a public address that no allowed network holds', () => {
    expect(codeOf(`http://${PUBLIC_ADDRESS}/`, withLoopback)).toBe('not-https');
    expect(codeOf(`http://${PUBLIC_ADDRESS}/`, createNetworkPolicy([`${PUBLIC_ADDRESS}/32`]))).toBe('ok');
  });

  it('is refused with a remedy that shows no more of it than its host', () => {
    const secretive = ['ftp', 'http', 'https'].flatMap((scheme) => [
      `${scheme}://127.0.0.1/s3cret?s3cret`,
      `${scheme}://s3cret:s3cret@client.example`,
      `${scheme}://client.example/#s3cret`,
      `${scheme}://client.example/ s3cret`,
      `${scheme}://client.example/s3cret${'x'.repeat(2048)}`,
    ]);
    const details = secretive
      .map((url) => judgeTargetUrl(url, onlyPublic))
      .map((judged) => !judged.ok && judged.detail);

    expect(details.join(' ')).not.toContain('s3cret');
    expect(judgeTargetUrl('https://10.0.0.1/s3cret', onlyPublic)).toEqual({
      ok: false,
      code: 'address-not-allowed',
      detail:
        '10.0.0.1 is not a public address. Use a public one, or have the operator add its network to CALLBACK_ALLOW_NETWORKS.',
    });
  });
});

describe('the agent of callbacks', () => {
  function agentFor(...args: Parameters<typeof createCallbackAgent>) {
    const agent = createCallbackAgent(...args);
    onTestFinished(() => agent.destroy());
    return async (url: string) => {
      const { statusCode, body } = await request(url, { dispatcher: agent, method: 'POST' });
      await body.dump();
      return statusCode;
    };
  }

  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '%31%32%37.0.0.1',
    '0.0.0.0',
    '0',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::]',
    '[::1]',
    'localhost',
  ])('refuses %s before it connects, over https and over http', async (host) => {
    const server = await startTcpServer(() => {});
    const send = agentFor(onlyPublic);

    await expect(send(`https://${host}:${server.port}/`)).rejects.toThrow(TargetRefusedError);
    await expect(send(`http://${host}:${server.port}/`)).rejects.toThrow(TargetRefusedError);
    expect(server.connections()).toBe(0);
  });

  it.each(['https', 'http'])('refuses a name that resolves to a private address, over %s', async (scheme) => {
    const server = await startTcpServer(() => {});
    const send = agentFor(onlyPublic, scriptedLookup(['127.0.0.1']));

    await expect(send(`${scheme}://client.example:${server.port}/`)).rejects.toThrow(TargetRefusedError);
    expect(server.connections()).toBe(0);
  });

  it.each(['https', 'http'])(
    'refuses a name whole when one of its addresses is not allowed, over %s',
    async (scheme) => {
      const server = await startTcpServer(() => {});
      for (const answer of [
        ['127.0.0.1', '10.0.0.1'],
        ['::ffff:10.0.0.1', '127.0.0.1'],
      ]) {
        const send = agentFor(withLoopback, scriptedLookup(answer));

        await expect(send(`${scheme}://client.example:${server.port}/`)).rejects.toThrow(TargetRefusedError);
      }
      expect(server.connections()).toBe(0);
    },
  );

  it('reaches only allowed networks over http, however public the address', async () => {
    const send = agentFor(withLoopback, scriptedLookup([PUBLIC_ADDRESS]));

    await expect(send('http://client.example/')).rejects.toThrow(TargetRefusedError);
    await expect(send(`http://${PUBLIC_ADDRESS}/`)).rejects.toThrow(TargetRefusedError);
  });

  it('connects to the very answer it judged: the next one, now private, is refused', async () => {
    const server = await startHttpServer((_, response) => response.writeHead(204, { connection: 'close' }).end());
    const rebinding = scriptedLookup(['127.0.0.1'], ['10.0.0.1']);
    const send = agentFor(createNetworkPolicy(['127.0.0.1/32']), rebinding);

    expect(await send(`http://client.example:${server.port}/`)).toBe(204);
    expect(rebinding.asked()).toBe(1);
    await expect(send(`http://client.example:${server.port}/`)).rejects.toThrow(TargetRefusedError);
    expect(server.connections()).toBe(1);
  });

  it('reaches an allowed network by address and by name, over http', async () => {
    const server = await startHttpServer((_, response) => response.writeHead(204).end());
    const send = agentFor(withLoopback, scriptedLookup(['127.0.0.1']));

    expect(await send(`http://127.0.0.1:${server.port}/`)).toBe(204);
    expect(await send(`http://[::ffff:127.0.0.1]:${server.port}/`)).toBe(204);
    expect(await send(`http://client.example:${server.port}/`)).toBe(204);
  });

  it('reaches an allowed network over https, once the certificate is trusted', async () => {
    const server = await startHttpsServer((_, response) => response.writeHead(204).end());
    const dns = scriptedLookup(['127.0.0.1']);

    expect(await agentFor(withLoopback, { ...dns, ca: TLS.cert })(`https://localhost:${server.port}/`)).toBe(204);
    await expect(agentFor(withLoopback, dns)(`https://localhost:${server.port}/`)).rejects.toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  it('does not take trouble with the DNS for a refusal, which is final', async () => {
    const failing = agentFor(withLoopback, {
      lookup: (_hostname, _options, done) => done(Object.assign(new Error('try again'), { code: 'EAI_AGAIN' }), []),
    });

    await expect(failing('https://client.example/')).rejects.toMatchObject({ code: 'EAI_AGAIN' });
    await expect(agentFor(withLoopback, scriptedLookup([]))('https://client.example/')).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
  });

  it.each([
    ['a name that is never resolved', { lookup: () => {} }],
    ['a handshake that is never answered', scriptedLookup(['127.0.0.1'])],
  ])('gives up on %s', async (_, dns) => {
    const silent = await startTcpServer(() => {});
    const send = agentFor(withLoopback, { ...dns, connectTimeoutMs: 20 });

    await expect(send(`https://client.example:${silent.port}/`)).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
    });
  });
});
