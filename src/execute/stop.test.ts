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

  it('of a part hears of the whole, but not the other way round', () => {
    const whole = new StopRequest();
    const [failed, other] = [new StopRequest(whole), new StopRequest(whole)];
    failed.request('one failed');
    expect([whole.requested, other.requested, failed.signal.aborted]).toEqual([false, false, true]);
    expect(() => failed.check()).toThrow('one failed');
    whole.request('enough');
    expect(other.signal.aborted).toBe(true);
    expect(() => other.check()).toThrow('enough');
  });
});
