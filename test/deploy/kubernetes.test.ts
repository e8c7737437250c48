import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SECRETS, VARIABLES } from '../../src/shared/config.ts';
import { createKeys } from '../../src/shared/keys.ts';
import { partitionNames } from '../../src/shared/partitions.ts';
import { freshNumber, MINUTE, startService } from '../fixtures.ts';
import { Manifest, ScaledObject } from './kubernetes-schemas.ts';

const FOLDER = new URL('../../deploy/kubernetes/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8');
const listed = (part: string): string[] =>
  parse(read(`${part}/kustomization.yaml`)).resources.map((file: string) => `${part}/${file}`);
const raw: unknown[] = [...listed('base'), ...listed('keda')].flatMap((file) =>
  parseAllDocuments(read(file), { merge: true }).map((document) => document.toJS()),
);
const manifests = raw.map((document) => Manifest.parse(document));
const ofKind = <K extends Manifest['kind']>(kind: K) =>
  manifests.filter((manifest): manifest is Extract<Manifest, { kind: K }> => manifest.kind === kind);

const deployments = ofKind('Deployment');
const example = parse(read('example/kustomization.yaml'));
const overlay = {
  ...parse(read('keda-2-partitions/kustomization.yaml')),
  patch: parse(read('keda-2-partitions/triggers.yaml')),
};
const generated = [...example.configMapGenerator, ...example.secretGenerator].map(({ name }: { name: string }) => name);
const envOf = (name: string) => parseEnv(read(`example/${name}.env`));

const containerOf = (name: string) => {
  const container = deployments.find(({ metadata }) => metadata.name === name)?.spec.template.spec.containers[0];
  if (container === undefined) throw new Error(`there is no Deployment ${name}`);
  return container;
};
const selects = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([label, value]) => labels[label] === value);

/** Walks through a document and puts a field where none belongs, one place at a time. */
function* misspelt(value: unknown, root = structuredClone(value)): Generator<unknown> {
  const places: Record<string, unknown>[] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (!Array.isArray(node)) places.push(node as Record<string, unknown>);
    for (const child of Object.values(node)) collect(child);
  };
  collect(root);
  for (const place of places) {
    if (Object.keys(place).some((key) => key.includes('/'))) continue; // labels may have any name
    place['notAField'] = {};
    yield root;
    delete place['notAField'];
  }
}

describe('the Kubernetes manifests', () => {
  it('have no field that the kind does not know', () => {
    for (const document of raw) {
      for (const wrong of misspelt(document))
        expect(Manifest.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
    }
  });

  it('select the pods that they are about', () => {
    const pods = deployments.map(({ metadata, spec }) => ({
      name: metadata.name,
      labels: spec.template.metadata.labels,
    }));
    const selected = (selector: Record<string, string>) =>
      pods.filter(({ labels }) => selects(selector, labels)).map(({ name }) => name);

    for (const { metadata, spec } of deployments) {
      expect(selected(spec.selector.matchLabels)).toEqual([metadata.name]);
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints)
        expect(selected(labelSelector.matchLabels)).toEqual([metadata.name]);
    }
    for (const { metadata, spec } of ofKind('PodDisruptionBudget'))
      expect(selected(spec.selector.matchLabels)).toEqual([metadata.name]);
    for (const { metadata, spec } of ofKind('Service')) expect(selected(spec.selector)).toEqual([metadata.name]);
    expect(ofKind('NetworkPolicy').map(({ spec }) => selected(spec.podSelector.matchLabels))).toEqual([
      ['ringback-api', 'ringback-worker'],
      ['ringback-api'],
    ]);
    for (const { spec } of ofKind('ScaledObject')) expect(spec.scaleTargetRef.name).toBe('ringback-worker');
  });

  it('give KEDA what it is to scale in partitions in place of what it scales without', () => {
    const [scaled] = ofKind('ScaledObject');
    const { apiVersion, kind, metadata } = overlay.patch;

    expect(overlay).toMatchObject({ kind: 'Component', components: ['../keda'], patches: [{ path: 'triggers.yaml' }] });
    expect({ apiVersion, kind, metadata }).toEqual({
      apiVersion: scaled?.apiVersion,
      kind: scaled?.kind,
      metadata: scaled?.metadata,
    });
    expect(example.components).toEqual(['../keda']);
  });

  it('probe, publish and open ports that the processes listen on', () => {
    for (const { metadata, spec } of deployments) {
      const { env, ports, command, startupProbe, livenessProbe, readinessProbe } = containerOf(metadata.name);
      const set = new Map(env.map(({ name, value }) => [name, Number(value)]));
      const expected = [set.get('PORT'), set.get('METRICS_PORT')].filter((port) => port !== undefined);
      expect(ports.map(({ containerPort }) => containerPort)).toEqual(expected);
      const names = ports.map(({ name }) => name);
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) expect(names).toContain(probe.httpGet.port);
      expect(existsSync(new URL(`../../${command[1]}`, FOLDER)), command[1]).toBe(true);
      expect(spec.template.spec.serviceAccountName).toBe(ofKind('ServiceAccount')[0]?.metadata.name);
    }
    const apiPorts = containerOf('ringback-api').ports.map(({ name }) => name);
    for (const { spec } of ofKind('Service'))
      for (const { targetPort } of spec.ports) expect(apiPorts).toContain(targetPort);
    for (const { spec } of ofKind('NetworkPolicy'))
      for (const { port } of spec.ingress.flatMap(({ ports }) => ports)) expect(apiPorts).toContain(port);
  });

  it('give the processes settings that exist, and secrets to nobody else', () => {
    const referenced = deployments.flatMap(({ metadata }) =>
      containerOf(metadata.name).envFrom.map((from) => ('secretRef' in from ? from.secretRef : from.configMapRef).name),
    );
    for (const name of referenced) expect(generated).toContain(name);
    for (const { spec } of ofKind('TriggerAuthentication')) {
      for (const { name, key } of spec.secretTargetRef) expect(Object.keys(envOf(name))).toContain(key);
    }

    const known = VARIABLES.filter(({ internal }) => !internal).map(({ name }) => name);
    const plain = example.configMapGenerator.flatMap(({ literals }: { literals: string[] }) =>
      literals.map((literal) => literal.split('=')[0]),
    );
    const own = deployments.flatMap(({ metadata }) => containerOf(metadata.name).env.map(({ name }) => name));
    const secret = [...Object.keys(envOf('ringback')), ...Object.keys(envOf('ringback-api'))];
    expect(known).toEqual(expect.arrayContaining([...plain, ...own, ...secret]));
    for (const name of SECRETS) expect(plain).not.toContain(name);
    expect(containerOf('ringback-worker').envFrom).not.toContainEqual({ secretRef: { name: 'ringback-api' } });
    for (const name of [...Object.values(envOf('ringback')), ...Object.values(envOf('ringback-api'))])
      expect(name).toBe('');
  });

  it('leave the time that a shutdown takes, 20 s after the sleep before it', () => {
    for (const { metadata, spec } of deployments) {
      const sleep = containerOf(metadata.name).lifecycle?.preStop.sleep.seconds ?? 0;
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(sleep + 20);
    }
  });

  it.for([
    { count: 1, patch: {} },
    { count: 2, patch: overlay.patch.spec },
  ])('scale on the keys in which jobs wait, with PARTITIONS=$count', async ({ count, patch }) => {
    const [scaled] = ofKind('ScaledObject');
    const { spec } = ScaledObject.parse({ ...scaled, spec: { ...scaled?.spec, ...patch } });
    const triggers = spec.triggers.map(({ metadata }) => metadata);
    const service = await startService({ workers: 0, env: { PARTITIONS: String(count) } });
    const prefixes = partitionNames(count).map((name) => createKeys().inPartition(name).queuePrefix);
    const wanted = {
      'sms:prioritized': 200,
      'call:prioritized': 100,
      'callbacks:wait': 500,
      'verifications:wait': 500,
    };
    expect(triggers).toEqual(
      prefixes.flatMap((prefix) =>
        Object.entries(wanted).map(([list, length]) => ({
          listName: `${prefix}:${list}`,
          listLength: String(length / count),
        })),
      ),
    );

    /** How many jobs there are in the keys of a queue, as KEDA counts them: by what the key holds. */
    const waiting = async (list: keyof typeof wanted) => {
      const names = triggers.map(({ listName }) => listName).filter((name) => name.endsWith(`:${list}`));
      const held = await Promise.all(names.map((name) => service.redis.type(name)));
      return Promise.all(
        names.map((name, i) => (held[i] === 'zset' ? service.redis.zcard(name) : service.redis.llen(name))),
      );
    };
    const sum = (counts: number[]) => counts.reduce((all, n) => all + n, 0);
    let rounds = 0;
    do {
      const { id } = await service.submit({ to: freshNumber() });
      await service.call('POST', `/v1/verifications/${id}/cancel`); // which owes a callback
      await service.submit({ to: freshNumber() });
      await service.submit({ to: freshNumber(), workflow: [{ channel: 'call' }] });
      rounds += 1;
    } while ([...(await waiting('callbacks:wait')), ...(await waiting('call:prioritized'))].includes(0));
    expect(sum(await waiting('call:prioritized'))).toBe(rounds);
    expect(sum(await waiting('callbacks:wait'))).toBe(rounds);
    expect(sum(await waiting('sms:prioritized'))).toBeGreaterThanOrEqual(rounds);
    await service.advance(60 * MINUTE); // all alarms ring, and nobody is there
    expect(sum(await waiting('verifications:wait'))).toBeGreaterThanOrEqual(2 * rounds);
    await service.close();
  });
});
