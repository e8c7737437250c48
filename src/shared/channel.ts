import { z } from 'zod';

/** How a code reaches the person: SignalWire's own two words. */
export const CHANNELS = ['sms', 'call'] as const;
export const Channel = z.enum(CHANNELS).meta({ id: 'Channel' });
export type Channel = z.infer<typeof Channel>;
