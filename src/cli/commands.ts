import type { Command } from './command.ts';
import { doctor } from './doctor.ts';
import { hashPassword } from './hash-password.ts';
import { keys } from './keys.ts';

/** Every command, in the order of the help. A new one is a file of its own and a line here. */
export const COMMANDS: readonly Command[] = [doctor, keys, hashPassword];
