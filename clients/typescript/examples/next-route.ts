// Route handlers for Next.js (App Router), or anything else that answers a Request with a Response.
import { CallbackSignatureError, createRingback, isRingbackError, verifyCallback } from 'ringback-client';

const ringback = createRingback({
  url: process.env['RINGBACK_URL'] ?? 'http://127.0.0.1:3000',
  apiKey: process.env['RINGBACK_API_KEY'] ?? '',
});

/** app/api/phone/route.ts: `{ to }` submits a verification. */
export async function POST(request: Request): Promise<Response> {
  const { to } = (await request.json()) as { to: string };
  return answer(async () => {
    const { id } = await ringback.submit({ to, if_active: 'return' }, { signal: request.signal });
    return { id };
  });
}

/** app/api/phone/route.ts: `{ id, code }` checks the code that the person entered. */
export async function PUT(request: Request): Promise<Response> {
  const { id, code } = (await request.json()) as { id: string; code: string };
  return answer(async () => {
    const { approved, verification } = await ringback.check(id, code);
    return { approved, number: verification.to }; // this number is proven, whatever the browser says
  });
}

/** app/hooks/ringback/route.ts, exported there as `POST`: takes callbacks. */
export async function takeCallback(request: Request): Promise<Response> {
  const secret = process.env['CALLBACK_SECRET'] ?? '';
  try {
    const { event } = await verifyCallback({ secret, headers: request.headers, body: await request.text() });
    switch (event.type) {
      case 'verification.approved':
        // note that event.data.verification.reference has proven the number
        break;
      case 'verification.failed':
        // event.data.verification.reason says why
        break;
      default: // and whatever else you want to know
    }
    return new Response(null, { status: 204 });
  } catch (error) {
    if (error instanceof CallbackSignatureError) return new Response(error.code, { status: 400 });
    throw error;
  }
}

async function answer(work: () => Promise<object>): Promise<Response> {
  try {
    return Response.json(await work());
  } catch (error) {
    if (!isRingbackError(error)) throw error;
    return Response.json({ error: error.code }, { status: error.status ?? 503 });
  }
}
