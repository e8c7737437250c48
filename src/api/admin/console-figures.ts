import { CHANNELS } from '../../shared/channel.ts';
import { type Buckets, percentile } from '../../shared/histogram.ts';
import type { HourlyTallies, TallyKind } from '../../shared/tallies.ts';
import { ClosedStatus } from '../../shared/verification.ts';

type Hours = readonly HourlyTallies[];
type Counts = HourlyTallies['counts'];

/** Verifications that ended with a code out, and how many of them by the right one. */
interface Conversion {
  ended: number;
  approved: number;
  /** From 0 up to 1; null when none has ended. */
  rate: number | null;
}

/** In ms; null when nothing was counted. */
interface Span {
  count: number;
  p50: number | null;
  p95: number | null;
}

export type Figures = ReturnType<typeof figuresOf>;

/**
 * The console's figures of some hours. Conversion is of those that ended approved, expired or failed: what a client
 * cancels or a policy blocks says nothing about codes. A channel's is of those whose newest code went over it.
 */
export function figuresOf({ verifications, tries, callbacks }: Record<Exclude<TallyKind, 'load'>, Hours>) {
  const all = verifications.flatMap(({ counts }) => counts);
  const tried = tries.flatMap(({ counts }) => counts);
  const delivered = callbacks.flatMap(({ counts }) => counts);
  const countries = [...new Set([...labels(all, 'created', 1), ...labels(all, 'ended', 3)])];
  return {
    created: total(all, 'created'),
    ended: Object.fromEntries(ClosedStatus.options.map((status) => [status, total(all, 'ended', status)])),
    reasons: labels(all, 'ended', 2)
      .filter((reason) => reason !== '')
      .map((reason) => ({ reason, count: total(all, 'ended', undefined, reason) }))
      .sort(byCount),
    conversion: conversion(all),
    channels: CHANNELS.map((channel) => ({
      channel,
      sent: span(all, 'to_send', channel).count,
      to_send: span(all, 'to_send', channel),
      waited: span(all, 'wait', channel),
      conversion: conversion(all, undefined, channel),
    })),
    countries: countries
      .map((country) => ({
        country: country === '' ? null : country,
        created: total(all, 'created', country),
        conversion: conversion(all, country),
      }))
      .sort((a, b) => b.created - a.created),
    takeovers: labels(all, 'fallback', 2, 'call')
      .map((trigger) => ({ trigger, count: total(all, 'fallback', 'call', trigger) }))
      .sort(byCount),
    to_approve: span(all, 'to_approve'),
    checks: labels(all, 'check', 1).map((result) => ({ result, count: total(all, 'check', result) })),
    tries: tried
      .reduce<{ channel: string; outcome: string; what: string; count: number }[]>((found, { tally, count }) => {
        const [, channel = '', outcome = '', what = ''] = tally;
        const same = found.find((one) => one.channel === channel && one.outcome === outcome && one.what === what);
        if (same) same.count += count;
        else found.push({ channel, outcome, what, count });
        return found;
      }, [])
      .sort(byCount),
    targets: targets(delivered),
    hours: verifications.map(({ at, counts }) => ({
      at: new Date(at).toISOString(),
      created: total(counts, 'created'),
      approved: total(counts, 'ended', 'approved'),
      takeovers: total(counts, 'fallback', 'call'),
    })),
  };
}

const byCount = (a: { count: number }, b: { count: number }) => b.count - a.count;

/** Where callbacks went, those with most failures first. */
function targets(counts: Counts) {
  const owned = new Map(counts.map(({ tally }) => [`${tally[1]} ${tally[2]}`, tally]));
  return [...owned.values()]
    .map(([, owner = '', target = '']) => {
      const deliveries = total(counts, 'delivery', owner, target);
      const succeeded = total(counts, 'delivery', owner, target, 'delivered');
      return {
        owner,
        target,
        deliveries,
        failed: deliveries - succeeded,
        latency: span(counts, 'latency', owner, target),
      };
    })
    .sort((a, b) => b.failed - a.failed || b.deliveries - a.deliveries);
}

function conversion(counts: Counts, country?: string, channel?: string): Conversion {
  const endedAs = (status: ClosedStatus) => total(counts, 'ended', status, undefined, country, channel);
  const approved = endedAs('approved');
  const ended = approved + endedAs('expired') + endedAs('failed');
  return { ended, approved, rate: ended === 0 ? null : approved / ended };
}

function span(counts: Counts, name: string, ...rest: string[]): Span {
  const buckets = new Map<number, number>();
  for (const { tally, count } of counts) {
    if (!fits(tally, name, rest)) continue;
    const bucket = Number(tally.at(-1));
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
  }
  return { count: sum(buckets), p50: percentile(buckets, 0.5), p95: percentile(buckets, 0.95) };
}

const sum = (buckets: Buckets) => [...buckets.values()].reduce((all, count) => all + count, 0);

/** All counts of a name with these labels; undefined stands for any. */
function total(counts: Counts, name: string, ...rest: (string | undefined)[]): number {
  return counts.reduce((all, { tally, count }) => (fits(tally, name, rest) ? all + count : all), 0);
}

function fits(tally: readonly string[], name: string, rest: readonly (string | undefined)[]): boolean {
  return tally[0] === name && rest.every((label, i) => label === undefined || tally[i + 1] === label);
}

/** The different labels at a place, of the counts of a name. */
function labels(counts: Counts, name: string, place: number, ...rest: string[]): string[] {
  return [...new Set(counts.filter(({ tally }) => fits(tally, name, rest)).map(({ tally }) => tally[place] ?? ''))];
}
