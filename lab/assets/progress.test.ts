import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeRunning, step, terminalProgress } from './progress.js';

class Screen {
  text = '';
  columns = 60;
  constructor(readonly isTTY: boolean) {}
  write(text: string): void {
    this.text += text;
  }
}

const escape = String.fromCharCode(27);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('describeRunning', () => {
  const state = { title: 'build', usualSeconds: 230, startedMs: 0, doing: '', fraction: undefined };

  it('says what, how long already and how long usually', () => {
    expect(describeRunning(state, 65_000)).toBe('build (1 min 05 s of usually 3 min 50 s)');
  });

  it('adds how far it is and what it does now where that is known', () => {
    expect(describeRunning({ ...state, doing: 'links', fraction: 0.5 }, 1000)).toBe(
      'build (1 s of usually 3 min 50 s) 50 %: links',
    );
  });
});

describe('terminalProgress without a terminal', () => {
  it('prints the beginning, a line every 15 s and the end of parallel steps, without control codes', () => {
    const screen = new Screen(false);
    const progress = terminalProgress(screen);
    const one = progress.task('one', 20);
    const two = progress.task('two', 60);
    two.update('half of it', 0.5);
    vi.advanceTimersByTime(15_000);
    one.done('cached');
    vi.advanceTimersByTime(15_000);
    two.fail('broken');
    two.done();
    progress.close();
    vi.advanceTimersByTime(60_000);
    expect(screen.text).toBe(
      [
        '  > one (usually 20 s)',
        '  > two (usually 1 min)',
        '  … one (15 s of usually 20 s)',
        '  … two (15 s of usually 1 min) 50 %: half of it',
        '  ✓ one: 15 s, cached',
        '  … two (30 s of usually 1 min) 50 %: half of it',
        '  ✗ two: 30 s, broken',
        '',
      ].join('\n'),
    );
  });
});

describe('terminalProgress on a terminal', () => {
  it('redraws running steps below lines that stay, each cut to the width', () => {
    const screen = new Screen(true);
    const progress = terminalProgress(screen);
    progress.task('one', 20).update('x'.repeat(200));
    progress.task('two', 20).done();
    vi.advanceTimersByTime(250);
    const last = screen.text.split(`${escape}[J`).pop() ?? '';
    expect(last.trimEnd()).toMatch(/^ {2}… one \(0\.3 s of usually 20 s\): x+…$/);
    expect(last.trimEnd().length).toBeLessThan(screen.columns);
    expect(screen.text).toContain('  ✓ two: 0 s\n');
    progress.close();
  });

  it('erases as many lines as it drew', () => {
    const screen = new Screen(true);
    const progress = terminalProgress(screen);
    progress.task('one', 20);
    progress.task('two', 20);
    screen.text = '';
    progress.note('stays');
    expect(screen.text.startsWith(`${escape}[2A\r${escape}[J`)).toBe(true);
    expect(screen.text).toContain('stays\n  … one');
    screen.text = '';
    progress.close();
    expect(screen.text).toBe(`${escape}[2A\r${escape}[J`);
  });
});

describe('step', () => {
  it('hands on the result, and on an error says its first line and throws it on', async () => {
    const screen = new Screen(false);
    const progress = terminalProgress(screen);
    expect(await step(progress, 'good', 1, () => Promise.resolve(7))).toBe(7);
    const error = new Error('first line\nsecond line');
    await expect(step(progress, 'bad', 1, () => Promise.reject(error))).rejects.toBe(error);
    expect(screen.text).toContain('  ✗ bad: 0 s, first line\n');
    progress.close();
  });
});
