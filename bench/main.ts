import { slowReceivers } from './slow-receivers.ts';

// Ratios taken in one run; an absolute figure only beside its yardstick.
await slowReceivers();
process.exit(0);
