/** Seconds as a person reads them: `4 s`, `1 min 05 s`. Below 10 s with one digit. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const rest = whole % 60;
  const minutes = `${Math.floor(whole / 60)} min`;
  return rest === 0 ? minutes : `${minutes} ${String(rest).padStart(2, '0')} s`;
}

/** A fraction from 0 to 1 as whole percent; 100 % only when nothing is left. */
export function percent(fraction: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)} %`;
}

/** Bytes in the unit that leaves few digits: `512 MB`, `6.2 GB` (decimal units, as `df -H`). */
export function bytes(count: number): string {
  if (count >= 1e9) return `${Number((count / 1e9).toFixed(1))} GB`;
  return `${Math.round(count / 1e6)} MB`;
}
