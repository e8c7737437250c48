const REASONS: Record<string, string> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** Ends the process when it cannot listen, in words that name the address and the settings; passes on any other error. */
export function explainListenError(error: unknown): never {
  const { code = '', syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (syscall !== 'listen') throw error;
  const reason = REASONS[code] ?? code;
  process.stderr.write(`cannot listen on ${address}:${port}: ${reason}; change HOST, PORT or METRICS_PORT\n`);
  process.exit(1);
}
