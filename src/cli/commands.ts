import { audit } from './audit.ts';
import { callbacks } from './callbacks.ts';
import type { Command } from './command.ts';
import { doctor } from './doctor.ts';
import { hashPassword } from './hash-password.ts';
import { keys } from './keys.ts';
import { list } from './list.ts';
import { verify } from './verify.ts';
import { watch } from './watch.ts';

/** Every command, in the order of the help. A new one is a file of its own and a line here. */
export const COMMANDS: readonly Command[] = [verify, watch, list, callbacks, doctor, keys, hashPassword, audit];
