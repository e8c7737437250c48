const REASONS: Record<string, string> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
};

/** What Node says of an address: that it cannot be listened on, or, of a name, that it has none. */
type ListenError = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };

/** Ends the process when it cannot listen, in words that name the address and the settings; passes on any other error. */
export function explainListenError(error: unknown, host: string): never {
  const { code = '', syscall, address, port, hostname } = error as ListenError;
  if (syscall === 'getaddrinfo' && hostname === host) {
    process.stderr.write(`cannot listen on ${host}: the name has no address here (${code}); change HOST\n`);
    process.exit(1);
  }
  if (syscall !== 'listen') throw error;
  const place = port === undefined ? address : `${address}:${port}`;
  const reason = REASONS[code] ?? code;
  process.stderr.write(`cannot listen on ${place}: ${reason}; change HOST, PORT or METRICS_PORT\n`);
  process.exit(1);
}
