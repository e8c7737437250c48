import { pathToFileURL } from 'node:url';
import { type ServiceProcess, spawnProcess } from '../test/service-processes.ts';
import type { Order, OrderMessage } from './points.ts';

type Role = 'api' | 'worker';

/** A place in the fleet: when its process dies, another one takes it at once, as an orchestrator would see to. */
export interface Place {
  readonly role: Role;
  readonly name: string;
  /** Where its process listens; undefined while there is none that is ready, or for a worker. */
  url: string | undefined;
  ready: boolean;
  stopped: boolean;
  order: Order | null;
}

interface Occupied extends Place {
  process: Omit<ServiceProcess, 'url'> | undefined;
  takenBack: Order | null;
  /** What its next death by SIGKILL counts as. */
  dyingOf: string | undefined;
  /** How long it stays frozen when its order is to freeze. */
  frozenMs: number;
}

/** A process that ended by itself, which none should. */
export interface UnexpectedEnd {
  name: string;
  how: string;
  output: string;
}

export type Fleet = ReturnType<typeof createFleet>;

const PRELOAD = pathToFileURL(new URL('kill-points.ts', import.meta.url).pathname).href;
const OUTPUT_KEPT = 4_000;

/** Real API and worker processes, started as in production, with the kill points preloaded. */
export function createFleet(places: readonly { role: Role; name: string; env: Record<string, string> }[]) {
  const crashes = new Map<string, number>();
  const unexpected: UnexpectedEnd[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let closing = false;

  const fleet: Occupied[] = places.map(({ role, name }) => ({
    role,
    name,
    url: undefined,
    ready: false,
    stopped: false,
    order: null,
    takenBack: null,
    process: undefined,
    dyingOf: undefined,
    frozenMs: 0,
  }));

  function start(place: Occupied, env: Record<string, string>): void {
    const spawned = spawnProcess(place.role, { ...env, NODE_OPTIONS: `--import=${PRELOAD}` });
    place.process = spawned;
    spawned.child.on('message', (message: { type: string; url?: string }) => {
      if (message.type === 'chaos-stopped') {
        wakeLater(place);
      } else {
        place.ready = true;
        place.url = message.url;
      }
    });
    void spawned.exited.then(({ code, signal }) => {
      if (closing) return;
      const order = place.order ?? place.takenBack;
      const kind = place.dyingOf ?? (order && `${place.role}: ${order.point}`);
      if (signal === 'SIGKILL' && kind) crashes.set(kind, (crashes.get(kind) ?? 0) + 1);
      else
        unexpected.push({ name: place.name, how: `${signal ?? code}`, output: spawned.output().slice(-OUTPUT_KEPT) });
      Object.assign(place, {
        url: undefined,
        ready: false,
        stopped: false,
        order: null,
        takenBack: null,
        dyingOf: undefined,
      });
      start(place, env);
    });
  }

  function wakeLater(place: Occupied): void {
    const kind = `${place.role} frozen: ${place.order?.point}`;
    crashes.set(kind, (crashes.get(kind) ?? 0) + 1);
    place.stopped = true;
    place.order = null;
    const timer = setTimeout(() => {
      timers.delete(timer);
      wake(place);
    }, place.frozenMs);
    timers.add(timer);
  }

  function wake(place: Occupied): void {
    place.process?.child.kill('SIGCONT');
    place.stopped = false;
  }

  function tell(place: Occupied, order: Order | null): void {
    const message: OrderMessage = { type: 'chaos-order', order };
    place.takenBack = place.order; // it may be met before the message arrives
    place.order = order;
    place.process?.child.send(message, () => {}); // it may die meanwhile
  }

  const own = (place: Place): Occupied => {
    const found = fleet.find((other) => other === place);
    if (!found) throw new Error(`${place.name} is not of this fleet`);
    return found;
  };

  return {
    places: fleet as readonly Place[],
    /** How often processes died or froze, by kind. */
    crashes: crashes as ReadonlyMap<string, number>,
    unexpected: unexpected as readonly UnexpectedEnd[],

    start(): void {
      for (const [i, place] of fleet.entries()) start(place, places[i]?.env ?? {});
    },

    isReady: () => fleet.every((place) => place.ready && !place.stopped),

    /** The processes of a role that are up and have no order yet. */
    free: (role: Role) =>
      fleet.filter((place) => place.role === role && place.ready && !place.stopped && place.order === null),

    /** Where APIs listen that are up. */
    apiUrls: () => fleet.flatMap((place) => (place.url !== undefined && place.ready ? [place.url] : [])),

    /** Makes a process die, or freeze for `frozenMs`, when it next comes to a point. */
    order(place: Place, order: Order, frozenMs: number): void {
      const it = own(place);
      it.frozenMs = frozenMs;
      tell(it, order);
    },

    /** Kills a process wherever it is. */
    kill(place: Place): void {
      const it = own(place);
      it.dyingOf = `${it.role}: at any moment`;
      it.process?.child.kill('SIGKILL');
    },

    /** Takes back the orders that were not met, and wakes whoever is frozen. */
    calm(): void {
      for (const place of fleet) {
        if (place.order) tell(place, null);
        if (place.stopped) wake(place);
      }
    },

    async close(): Promise<void> {
      closing = true;
      for (const timer of timers) clearTimeout(timer);
      for (const place of fleet) place.process?.child.kill('SIGKILL'); // ends a stopped one, too
      await Promise.all(fleet.map((place) => place.process?.exited));
    },
  };
}
