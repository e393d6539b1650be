import { mkdtempSync, readFileSync, rmSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { execute, type Executable, type FlowOf } from './executor.js';
import { Journal } from './journal.js';
import { StopRequest } from './stop.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyroll-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const step = (id: string): FlowOf<Executable> => ({ step: { id, title: id } });
const open = (): Journal => Journal.open(join(folder, 'journal.jsonl'));
const lines = (): string[] =>
  readFileSync(join(folder, 'journal.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const record = JSON.parse(line) as { type: string; id: string };
      return `${record.type} ${record.id}`;
    });

describe('execute', () => {
  it('writes intent before a step and done after it, in the order of the flow', async () => {
    await execute({ sequence: [step('a'), step('b')] }, { journal: open(), run: () => Promise.resolve('x') });
    expect(lines()).toEqual(['intent a', 'done a', 'intent b', 'done b']);
  });

  it('does not run again what the journal has as done', async () => {
    const ran: string[] = [];
    const run = (value: Executable): Promise<void> => {
      ran.push(value.id);
      if (value.id === 'b' && ran.length === 2) return Promise.reject(new Error('cut'));
      return Promise.resolve();
    };
    const flow = { sequence: [step('a'), step('b'), step('c')] };
    await expect(execute(flow, { journal: open(), run })).rejects.toThrow('cut');
    await execute(flow, { journal: open(), run });
    expect(ran).toEqual(['a', 'b', 'b', 'c']);
  });

  it('lets steps beside a failing one end, starts no other, and throws its error', async () => {
    const ended: string[] = [];
    const run = async (value: Executable): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      if (value.id === 'bad') throw new Error('bad failed');
      await new Promise((resolve) => setImmediate(resolve));
      ended.push(value.id);
    };
    const flow = { parallel: [step('bad'), step('beside'), step('late')], limit: 2 };
    await expect(execute(flow, { journal: open(), run })).rejects.toThrow('bad failed');
    expect(ended).toEqual(['beside']);
  });

  it('begins no step that was waiting, or comes next, when one beside it fails', async () => {
    const ran: string[] = [];
    let fail = (): void => undefined;
    const bad = new Promise<void>((_resolve, reject) => {
      fail = () => reject(new Error('bad failed'));
    });
    const run = async ({ id }: Executable): Promise<void> => {
      ran.push(id);
      if (id === 'bad') await bad;
    };
    const mayBegin = async ({ id }: Executable): Promise<void> => {
      if (id !== 'waiting') return;
      fail();
      await bad.catch(() => new Promise((resolve) => setImmediate(resolve)));
    };
    const flow = {
      parallel: [step('bad'), { sequence: [step('first'), step('waiting'), step('next')] }],
    };
    await expect(execute(flow, { journal: open(), run, mayBegin })).rejects.toThrow('bad failed');
    expect(ran).toEqual(['bad', 'first']);
    expect(lines()).not.toContain('intent waiting');
  });

  it('tells of a failure at once, and throws it, not what was ended because of it', async () => {
    const stop = new StopRequest();
    const told: string[] = [];
    const run = async ({ id }: Executable): Promise<void> => {
      if (id === 'bad') throw new Error('bad failed');
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
      stop.check();
    };
    const onFail = ({ id }: Executable): void => {
      told.push(id);
      stop.request('because of bad');
    };
    const flow = { parallel: [step('waits'), step('bad')] };
    await expect(execute(flow, { journal: open(), run, onFail })).rejects.toThrow('bad failed');
    expect(told).toEqual(['bad', 'waits']);
  });
});

describe('Journal', () => {
  it('leaves out a last line that a crash cut off', () => {
    open().append('done', 'a');
    appendFileSync(join(folder, 'journal.jsonl'), '{"at":"2026');
    expect(open().records.map((record) => record.id)).toEqual(['a']);
  });

  it('refuses a damaged line and says which', () => {
    appendFileSync(join(folder, 'journal.jsonl'), 'nonsense\n');
    expect(open).toThrow(/journal\.jsonl:1: expected a journal record/);
  });
});
