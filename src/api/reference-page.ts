import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Router } from 'express';
import { contentSecurityPolicy, OWN_FILES } from '../shared/content-security-policy.ts';
import { setHeaders } from './set-headers.ts';

const OWN = fileURLToPath(new URL('./reference/', import.meta.url));
const SWAGGER_UI = path.dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')));

const CONTENT_SECURITY_POLICY = contentSecurityPolicy(OWN_FILES);

/**
 * Builds `/docs`: Swagger UI on our own `/openapi.json`. Everything comes from this host, so it works offline and tells
 * nobody who reads it.
 */
export function createReferencePage(): Router {
  const { version } = JSON.parse(readFileSync(path.join(SWAGGER_UI, 'package.json'), 'utf8')) as { version: string };
  const page = readFileSync(path.join(OWN, 'reference.html'), 'utf8').replaceAll('{version}', version);

  const router = express.Router();
  router.use(setHeaders({ 'content-security-policy': CONTENT_SECURITY_POLICY, 'cache-control': 'no-cache' }));
  router.get('/', (_request, response) => {
    response.type('html').send(page);
  });
  for (const file of ['reference.js', 'reference.css']) {
    router.get(`/${file}`, (_request, response) => {
      response.sendFile(file, { root: OWN });
    });
  }
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js']) {
    // with the version in its path it never changes
    router.get(`/${version}/${file}`, (_request, response) => {
      response.set('cache-control', 'public, max-age=31536000, immutable');
      response.sendFile(file, { root: SWAGGER_UI });
    });
  }
  return router;
}
