import { Cluster, type Redis } from 'ioredis';
import { RedisUnusableError, withRedis } from '../with-redis.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const OLDEST = [6, 2] as const;
const SKEW_WARN_MS = 1_000;
const SKEW_FAIL_MS = 60_000;
const FULL_WARN = 0.8;
const FULL_FAIL = 0.95;

/** Asks Redis about itself with INFO and TIME, which hosted ones allow too; nothing is written. */
export async function checkRedis(url: string | undefined): Promise<Finding[]> {
  if (url === undefined) return [skip('redis', 'not checked without a good REDIS_URL')];
  try {
    return await withRedis(url, async (redis, clock) => {
      const infos = await Promise.all(primariesOf(redis).map((primary) => primary.info()));
      const reached = ok('redis', infos.length === 1 ? 'reached' : `a Cluster with ${infos.length} primaries`);
      return [reached, ...infos.flatMap(judgeRedis), judgeSkew(clock.skewMs())];
    });
  } catch (error) {
    if (!(error instanceof RedisUnusableError)) throw error;
    const fix =
      'Is it running, does REDIS_URL name it (rediss:// for TLS, user and password), and may this machine reach it?';
    return [fail('redis', `not usable: ${error.message}`, fix)];
  }
}

/** Each server that is written to. */
function primariesOf(redis: Redis | Cluster): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/** @param info - the answer to INFO */
export function judgeRedis(info: string): Finding[] {
  const facts = new Map(
    info.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  const fact = (name: string) => facts.get(name) ?? '';
  const role =
    fact('role') === 'slave'
      ? [fail('redis role', 'a replica, which takes no writes', 'Set REDIS_URL to the primary.')]
      : [];
  return [
    ...role,
    judgeVersion(fact('redis_version')),
    judgePolicy(fact('maxmemory_policy')),
    judgePersistence(fact),
    judgeMemory(fact),
  ];
}

function judgeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const good = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  return good
    ? ok('redis version', version)
    : fail(
        'redis version',
        `${version || 'unknown'} is older than ${OLDEST.join('.')}`,
        `Run Redis ${OLDEST.join('.')} or newer.`,
      );
}

function judgePolicy(policy: string): Finding {
  return policy === 'noeviction'
    ? ok('redis eviction', 'noeviction')
    : fail(
        'redis eviction',
        `maxmemory-policy is ${policy || 'unknown'}: at its memory limit Redis would drop verifications without a word`,
        'Set maxmemory-policy noeviction (redis.conf, or CONFIG SET and CONFIG REWRITE).',
      );
}

function judgePersistence(fact: (name: string) => string): Finding {
  if (fact('aof_enabled') !== '1') {
    return warn(
      'redis persistence',
      'appendonly is off: what was accepted since the last snapshot is lost when Redis ends',
      'Set appendonly yes and appendfsync everysec. (A hosted Redis may keep data safe in another way.)',
    );
  }
  return fact('aof_last_write_status') === 'ok'
    ? ok('redis persistence', 'append-only file')
    : fail('redis persistence', 'the last write of the append-only file failed', "See Redis's log; is its disk full?");
}

function judgeMemory(fact: (name: string) => string): Finding {
  const used = Number(fact('used_memory'));
  const limit = Number(fact('maxmemory'));
  if (limit === 0) return ok('redis memory', `${megabytes(used)} used, no limit set`);
  const detail = `${megabytes(used)} of ${megabytes(limit)} used (${Math.round((100 * used) / limit)} %)`;
  const fix = 'Raise maxmemory, or lower RETENTION. When it is full, nothing more is accepted.';
  if (used >= limit * FULL_FAIL) return fail('redis memory', detail, fix);
  return used >= limit * FULL_WARN ? warn('redis memory', detail, fix) : ok('redis memory', detail);
}

/** @param skewMs - how far this machine is ahead of Redis */
export function judgeSkew(skewMs: number): Finding {
  const ms = Math.abs(skewMs);
  const detail = `this machine is ${ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`} ${skewMs < 0 ? 'behind' : 'ahead of'} Redis`;
  const fix =
    "Let both machines keep time by NTP. Deadlines follow Redis's clock, and so do the timestamps of callbacks.";
  if (ms >= SKEW_FAIL_MS) return fail('clock', detail, fix);
  return ms >= SKEW_WARN_MS ? warn('clock', detail, fix) : ok('clock', detail);
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
