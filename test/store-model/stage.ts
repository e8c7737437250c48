/** Ends an actor where it stands, as a dying process would. */
export class Crash extends Error {}

/** Waits until the actor may take its next step. */
export type Turn = () => Promise<void>;

/** An actor: a script of steps that asks for its turn before each. */
export type Script = (turn: Turn) => Promise<void>;

/**
 * Plays scripts that run at the same time, one step at a time and in an order of the caller's choosing, so that a run
 * can be repeated and shrunk.
 *
 * @param choices - which of the actors that can go on takes each next step; when they end, the first one goes on.
 * @param afterStep - looks at what a step left behind.
 */
export async function play(
  scripts: readonly Script[],
  choices: readonly number[],
  afterStep: () => Promise<void>,
): Promise<void> {
  const actors = scripts.map(createActor);
  for (const actor of actors) await actor.step();
  for (let n = 0; ; n++) {
    const ready = actors.filter((actor) => !actor.isDone());
    if (ready.length === 0) return;
    await ready[(choices[n] ?? 0) % ready.length]?.step();
    await afterStep();
  }
}

function createActor(script: Script) {
  let done = false;
  let failure: unknown;
  let goOn: (() => void) | undefined;
  let stopped = () => {};
  const turn: Turn = () =>
    new Promise((resolve) => {
      goOn = resolve;
      stopped();
    });

  async function run(): Promise<void> {
    try {
      await script(turn);
    } catch (error) {
      if (!(error instanceof Crash)) failure = error;
    }
    done = true;
    stopped();
  }

  return {
    isDone: () => done,
    /** Runs up to the next request for a turn, or to the end. */
    async step(): Promise<void> {
      const stop = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      if (goOn) goOn();
      else void run();
      await stop;
      if (failure !== undefined) throw failure;
    },
  };
}
