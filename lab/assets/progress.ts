import { LivePanel, type Output } from './panel.js';
import { duration, percent } from './format.js';

/** One long step. All its methods may be called in any order and are cheap; none throws. */
export interface Task {
  /**
   * Says what the step does now and, where it is known, how far it is.
   * @param doing a few words, without a full stop
   * @param fraction 0 to 1; left out where nobody can tell
   */
  update(doing: string, fraction?: number): void;
  /** Ends the step well; `note` is added to the line that stays. Later calls are ignored. */
  done(note?: string): void;
  /** Ends the step badly; the caller still throws its error. Later calls are ignored. */
  fail(reason: string): void;
}

/** Where long work tells a person what happens. Steps may run in parallel. */
export interface Progress {
  /**
   * Begins a step.
   * @param title what it does, such as `Kubernetes 1.20.2: build`
   * @param usualSeconds how long it usually takes on two cores
   */
  task(title: string, usualSeconds: number): Task;
  /** One line that stays, for what is no step. */
  note(text: string): void;
  /** Ends all drawing. To be called once, also after an error. */
  close(): void;
}

/** Runs `work` as one step: done when it returns, failed when it throws (the error goes on to the caller). */
export async function step<T>(
  progress: Progress,
  title: string,
  usualSeconds: number,
  work: (task: Task) => Promise<T>,
): Promise<T> {
  const task = progress.task(title, usualSeconds);
  try {
    const result = await work(task);
    task.done();
    return result;
  } catch (error) {
    task.fail(error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error));
    throw error;
  }
}

/** What a running step looks like, in one line. */
export interface TaskState {
  title: string;
  usualSeconds: number;
  startedMs: number;
  doing: string;
  fraction: number | undefined;
}

/** The line of a step that runs: title, how long, how far, what it does now. */
export function describeRunning(state: TaskState, nowMs: number): string {
  const spent = duration((nowMs - state.startedMs) / 1000);
  const usual = duration(state.usualSeconds);
  const far = state.fraction === undefined ? '' : ` ${percent(state.fraction)}`;
  const doing = state.doing === '' ? '' : `: ${state.doing}`;
  return `${state.title} (${spent} of usually ${usual})${far}${doing}`;
}

/** How often a plain log repeats where a long step is, in seconds. */
const plainEverySeconds = 15;

/**
 * Shows steps on a terminal: running ones redrawn in place below what is finished; plain lines, one for each
 * beginning, end and every 15 s between, when the output is no terminal.
 */
export function terminalProgress(output: Output = process.stderr, now: () => number = Date.now): Progress {
  const running = new Set<TaskState>();
  const panel = new LivePanel(output);
  const drawn = (): void => panel.draw([...running].map((state) => `  … ${describeRunning(state, now())}`));
  const ticks = output.isTTY === true ? 250 : plainEverySeconds * 1000;
  const tick = (): void => {
    if (output.isTTY === true) drawn();
    else for (const state of running) panel.say(`  … ${describeRunning(state, now())}`);
  };
  // Unreferenced: a forgotten close must not keep the process alive.
  const timer = setInterval(tick, ticks).unref();
  return {
    task(title, usualSeconds) {
      const state: TaskState = { title, usualSeconds, startedMs: now(), doing: '', fraction: undefined };
      running.add(state);
      if (output.isTTY === true) drawn();
      else panel.say(`  > ${title} (usually ${duration(usualSeconds)})`);
      const end = (mark: string, note: string): void => {
        if (!running.delete(state)) return;
        const took = duration((now() - state.startedMs) / 1000);
        panel.say(`  ${mark} ${title}: ${took}${note === '' ? '' : `, ${note}`}`);
        if (output.isTTY === true) drawn();
      };
      return {
        update(doing, fraction) {
          state.doing = doing;
          state.fraction = fraction;
        },
        done: (note = '') => end('✓', note),
        fail: (reason) => end('✗', reason),
      };
    },
    note: (text) => panel.say(text),
    close() {
      clearInterval(timer);
      panel.draw([]);
    },
  };
}
