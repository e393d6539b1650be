import { expect, it } from 'vitest';
import { ClassRecord } from './record.js';

it('measures gaps from the beginning of its class on, whatever was seen before', () => {
  const record = new ClassRecord();
  record.success(19_000, 20_000);
  record.begin(20_100);
  record.success(20_200, 20_300);
  expect(record.snapshot(20_350).longestGapMs).toBe(200);
  record.success(20_800, 20_900);
  record.end(21_000);
  expect(record.snapshot(30_000)).toMatchObject({
    longestGapMs: 600,
    longestLatencyMs: 1000,
    running: false,
  });
});
