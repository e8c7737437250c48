/** Epoch milliseconds with fractions, the same for all processes of this machine. */
export const wallNow = (): number => performance.timeOrigin + performance.now();
