/** One thing that the lab needs of this machine. */
export interface Check {
  name: string;
  ok: boolean;
  found: string;
  expected: string;
  /** What to do when it is not ok. */
  fix: string;
}
