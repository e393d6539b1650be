import { describe, expect, it } from 'vitest';
import { StoppedError, StopRequest } from './stop.js';

describe('StopRequest', () => {
  it('lets everything pass until somebody asks to stop', () => {
    const stop = new StopRequest();
    expect(() => stop.check()).not.toThrow();
    stop.request('enough');
    stop.request('again');
    expect(() => stop.check()).toThrow(StoppedError);
    expect(() => stop.check()).toThrow('enough');
    expect(stop.signal.aborted).toBe(true);
  });
});
