import { beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/shared/version.ts';
import { hasEngine, run } from './engine.ts';
import { buildImage, IMAGE } from './image.ts';

/** 173 MB when this was written. */
const MAX_BYTES = 220_000_000;

const inImage = (...command: string[]) =>
  run('docker', ['run', '--rm', '--read-only', '--cap-drop', 'ALL', '--network', 'none', IMAGE, ...command]);
const evaluate = (code: string) => inImage('node', '--print', code);

describe.runIf(hasEngine)('the image', () => {
  beforeAll(buildImage);

  it('is small and says what it is', async () => {
    const [image] = JSON.parse(await run('docker', ['image', 'inspect', IMAGE]));

    expect(image.Size).toBeLessThan(MAX_BYTES);
    expect(image.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Ringback',
      'org.opencontainers.image.version': '0.0.0-test',
      'org.opencontainers.image.licenses': 'MIT',
    });
    expect(image.Config.Healthcheck.Test[0]).toBe('CMD');
  });

  it('runs as a numeric user that can write nothing of it', async () => {
    const [image] = JSON.parse(await run('docker', ['image', 'inspect', IMAGE]));
    const writable = `
      const isWritable = (file) => { try { fs.accessSync(file, fs.constants.W_OK); return true; } catch { return false; } };
      const below = (dir) => fs.readdirSync(dir, { recursive: true }).map((name) => path.join(dir, name));
      const own = fs.readdirSync('/').filter((name) => !['proc', 'sys', 'dev'].includes(name)).map((name) => '/' + name);
      ['/', ...own, ...own.filter((name) => fs.statSync(name).isDirectory()).flatMap(below)].filter(isWritable)`;

    expect(image.Config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    // without the read-only root, which would refuse everything
    expect(await run('docker', ['run', '--rm', IMAGE, 'node', '--print', writable])).toBe('[]');
  });

  it.for(['sh', 'bash', 'npm', 'apt-get'])('has no %s', async (program) => {
    await expect(inImage(program, '--version')).rejects.toThrow('not found');
  });

  it('is the command line too', async () => {
    expect(await inImage('ringback', 'version')).toBe(VERSION);
    await expect(inImage('ringback', 'doctor')).rejects.toThrow();
  });

  it('lists the packages that are in it, and none that only developers need', async () => {
    const names = JSON.parse(
      await evaluate(
        `const { components, metadata } = JSON.parse(fs.readFileSync('sbom.cdx.json', 'utf8'));
         JSON.stringify([metadata.component.name, ...components.map(({ group, name }) => group ? group + '/' + name : name)])`,
      ),
    );
    const installed = JSON.parse(
      await evaluate(`JSON.stringify(fs.readdirSync('node_modules').filter((name) => !/^[.@]/.test(name)))`),
    );

    expect(names[0]).toBe('ringback');
    expect(names).toEqual(expect.arrayContaining(installed));
    expect(names).not.toContain('vitest');
  });

  it('tells that a process does not answer', async () => {
    await expect(inImage('node', 'src/healthcheck/main.ts')).rejects.toThrow();
  });
});

it.runIf(!hasEngine)('the image is not built: no container engine was found', ({ skip }) => skip());
