const REQUEST_TIMEOUT_MS = 15_000;

/** An answer that is none of the good ones; `status` is undefined when there was no answer. */
export class RequestError extends Error {
  constructor(status) {
    super(`answered ${status ?? 'nothing'}`);
    this.status = status;
  }
}

/** Asks the console's own interface. With a body it is a POST: so a number never stands in an address. */
export async function request(path, body) {
  let response;
  try {
    response = await fetch(`/admin/api/${path}`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  } catch {
    throw new RequestError();
  }
  if (!response.ok) throw new RequestError(response.status);
  return response.json();
}

/** Does something now and then again and again, each time after the time that it names; not while nobody looks. */
export function repeat(work) {
  let timer;
  let running = false;
  const run = async () => {
    clearTimeout(timer);
    if (running) return;
    running = true;
    const waitMs = await work().finally(() => {
      running = false;
    });
    timer = setTimeout(() => !document.hidden && run(), waitMs);
  };
  document.addEventListener('visibilitychange', () => !document.hidden && run());
  void run();
  return run;
}
