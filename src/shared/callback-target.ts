import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction, SocketAddress } from 'node:net';
import { Agent, buildConnector } from 'undici';

const MAX_URL_CHARACTERS = 2048;

/** What `new URL` mends is more likely a slip: white space, backslashes, missing or superfluous slashes. */
const ABSOLUTE_URL = /^[a-z][a-z\d+.-]*:\/\/[^\s\\/][^\s\\]*$/i;

/**
 * IPv4 that is not the public internet (IANA special-purpose registry, RFC 6890, and multicast and above), with what looks
 * public but answers only inside a cloud: 168.63.129.16, Azure's WireServer.
 */
const NOT_PUBLIC_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];

/** The only IPv6 that is assigned for public use (RFC 4291): NAT64 (64:ff9b::/96), loopback, ULA and the rest are outside. */
const GLOBAL_UNICAST_6 = '2000::/3';

/** What is not public within it: protocol assignments with Teredo, documentation (RFC 3849, RFC 9637) and 6to4. */
const NOT_PUBLIC_6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

interface Address {
  address: string;
  family: 'ipv4' | 'ipv6';
}

/** A network in CIDR notation (RFC 4632, RFC 4291). */
export interface Network extends Address {
  prefix: number;
}

/**
 * Reads a network in CIDR notation; bits behind the prefix do not count. A bare address is none, nor is an IPv4-mapped
 * network: it is written as IPv4.
 *
 * @returns undefined if it is none.
 */
export function parseCidr(text: string): Network | undefined {
  const [, address = '', digits = ''] = /^([0-9a-f.:]+)\/(0|[1-9]\d{0,2})$/i.exec(text) ?? [];
  const judged = readAddress(address);
  if (judged === undefined || (judged.family === 'ipv4' && isIP(address) === 6)) return undefined;
  const prefix = Number(digits);
  return prefix <= (judged.family === 'ipv4' ? 32 : 128) ? { ...judged, prefix } : undefined;
}

/** Which addresses callbacks may reach. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is judged as the IPv4 it reaches. */
export interface NetworkPolicy {
  /** Public, or in a network that the operator allows: what https may reach. */
  allows(ip: string): boolean;
  /** On the public internet. */
  isPublic(ip: string): boolean;
  /** In a network that the operator allows: what plain http may reach. */
  isListed(ip: string): boolean;
  /** Whether the operator allows any network by name. */
  readonly listsAny: boolean;
}

/**
 * Builds the judgement of addresses.
 *
 * @param allowCidrs - networks that callbacks may reach although they are not public.
 * @throws {RangeError} for what {@link parseCidr} does not read.
 */
export function createNetworkPolicy(allowCidrs: readonly string[]): NetworkPolicy {
  const listed = createAddressSet(allowCidrs);
  return {
    allows: (ip) => isPublic(ip) || listed(ip),
    isPublic,
    isListed: listed,
    listsAny: allowCidrs.length > 0,
  };
}

/** What a target's URL is judged to be. The detail is a sentence with the remedy, and never shows more of it than its host. */
export type TargetJudgement =
  | { ok: true; url: URL }
  | {
      ok: false;
      code: 'invalid-url' | 'not-https' | 'user-info' | 'fragment' | 'address-not-allowed' | 'too-long';
      detail: string;
    };

/**
 * Judges what can be told from a URL alone, for an early answer. Host names are not resolved here: their addresses are
 * judged where the socket opens, by {@link createCallbackAgent}.
 */
export function judgeTargetUrl(text: string, policy: NetworkPolicy): TargetJudgement {
  if (text.length > MAX_URL_CHARACTERS) {
    return refused('too-long', `The URL may have at most ${MAX_URL_CHARACTERS} characters.`);
  }
  if (!ABSOLUTE_URL.test(text) || !URL.canParse(text)) {
    return refused('invalid-url', 'This is no absolute URL. Use one such as https://client.example/hooks.');
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refused('not-https', 'Use an https URL.');
  if (url.username !== '' || url.password !== '') {
    return refused('user-info', 'Leave user name and password out of the URL; the signature proves who calls.');
  }
  if (url.href.includes('#')) return refused('fragment', 'Leave the fragment (#) out of the URL; it is never sent.');

  const host = hostOf(url);
  const isLiteral = isIP(host) !== 0;
  if (isLiteral && !policy.allows(host)) {
    return refused(
      'address-not-allowed',
      `${host} is not a public address. Use a public one, or have the operator add its network to CALLBACK_ALLOW_NETWORKS.`,
    );
  }
  const mayBeHttp = isLiteral ? policy.isListed(host) : policy.listsAny;
  if (url.protocol === 'http:' && !mayBeHttp) {
    return refused('not-https', 'Use an https URL; http is only for networks that CALLBACK_ALLOW_NETWORKS names.');
  }
  return { ok: true, url };
}

/** The target's address is none that callbacks may reach. It does not tell the address: that would map the network. */
export class TargetRefusedError extends Error {
  override readonly name = 'TargetRefusedError';
  override readonly message = 'the target is not allowed';
}

/**
 * Builds the only way callbacks leave: an agent that judges the address where the socket opens, so that neither a second
 * DNS answer nor a redirect can slip in another one. A name with any address that is not allowed is refused whole.
 * Over http only networks that the operator allows are reached. Requests through it reject with
 * {@link TargetRefusedError}, or undici's and Node's own errors.
 *
 * Pass it to undici's own `request`: the `fetch` of Node 24 does not take an agent of undici 8.
 *
 * @param options.lookup - what resolves names, `dns.lookup` unless a test gives its own; always asked for all addresses.
 * @param options.connectTimeoutMs - for the name, the connection and TLS together (5 s).
 * @param options.ca - certificates to trust instead of Node's own.
 */
export function createCallbackAgent(policy: NetworkPolicy, options: CallbackAgentOptions = {}): Agent {
  return new Agent({
    allowH2: false,
    keepAliveMaxTimeout: 10_000, // a receiver's hint may not keep a socket, and the address it was opened to, for longer
    connect: createCallbackConnector(policy, options),
  });
}

/** Builds what opens the sockets of {@link createCallbackAgent}, TLS included; by itself it sends no request. */
export function createCallbackConnector(
  policy: NetworkPolicy,
  { lookup = dns.lookup, connectTimeoutMs = 5_000, ca }: CallbackAgentOptions = {},
): buildConnector.connector {
  // undici's own `blockList` option is ignored over https, and a lookup is never asked about a literal address
  const opener = (permits: (ip: string) => boolean): buildConnector.connector => {
    const connect = buildConnector({
      allowH2: false,
      timeout: connectTimeoutMs,
      lookup: judgeLookup(lookup, permits),
      ...(ca !== undefined && { ca }),
    });
    return (options, done) => {
      if (isIP(options.hostname) !== 0 && !permits(options.hostname)) done(new TargetRefusedError(), null);
      else connect(options, done);
    };
  };
  const openHttps = opener(policy.allows);
  const openHttp = opener(policy.isListed);
  return (options, done) => (options.protocol === 'https:' ? openHttps : openHttp)(options, done);
}

interface CallbackAgentOptions {
  lookup?: LookupFunction;
  connectTimeoutMs?: number;
  ca?: string;
}

function judgeLookup(lookup: LookupFunction, permits: (ip: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return done(error, []);
      const addresses = Array.isArray(found) ? found : [];
      const [first] = addresses;
      if (first === undefined) return done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), []);
      if (!addresses.every(({ address }) => permits(address))) return done(new TargetRefusedError(), []);
      return options.all ? done(null, addresses) : done(null, first.address, first.family);
    });
  };
}

const isGlobalUnicast6 = createAddressSet([GLOBAL_UNICAST_6]);
const isSpecial = createAddressSet([...NOT_PUBLIC_4, ...NOT_PUBLIC_6]);

function isPublic(ip: string): boolean {
  return (readAddress(ip)?.family === 'ipv4' || isGlobalUnicast6(ip)) && !isSpecial(ip);
}

/** @returns whether an address is in one of the networks; a text that is no address is in none. */
function createAddressSet(cidrs: readonly string[]): (ip: string) => boolean {
  // one list for each family: in a common one `::/0` would hold every IPv4 address as well
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new RangeError(`not a network in CIDR notation: ${cidr}`);
    lists[network.family].addSubnet(network.address, network.prefix, network.family);
  }
  return (ip) => {
    const judged = readAddress(ip);
    return judged !== undefined && lists[judged.family].check(judged.address, judged.family);
  };
}

/** An address without its zone, and an IPv4-mapped one (RFC 4291 section 2.5.5.2) as the IPv4 it reaches. */
function readAddress(ip: string): Address | undefined {
  const version = isIP(ip);
  if (version === 0) return undefined;
  if (version === 4) return { address: ip, family: 'ipv4' };
  const { address } = new SocketAddress({ address: ip, family: 'ipv6' }); // in its one canonical spelling
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  return mapped === undefined ? { address, family: 'ipv6' } : { address: mapped, family: 'ipv4' };
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function refused(code: Extract<TargetJudgement, { ok: false }>['code'], detail: string): TargetJudgement {
  return { ok: false, code, detail };
}
