/** What a renderer needs of an output stream. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const clearToEnd = '\u001b[J';
const up = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A`);

/** Lines at the end of a terminal that are redrawn in place, below lines that stay. */
export class LivePanel {
  private lines: string[] = [];

  constructor(private readonly output: Output) {}

  /** Replaces the live lines; no live lines on an output that is no terminal. */
  draw(lines: readonly string[]): void {
    if (this.output.isTTY !== true) return;
    const cut = lines.map((line) => shorten(line, (this.output.columns ?? 80) - 1));
    this.output.write(`${this.erase()}${cut.map((line) => `${line}\n`).join('')}`);
    this.lines = cut;
  }

  /** Writes a line that stays above the live ones. */
  say(line: string): void {
    const live = this.lines;
    this.output.write(`${this.erase()}${line}\n${live.map((each) => `${each}\n`).join('')}`);
  }

  private erase(): string {
    return this.lines.length === 0 ? '' : `${up(this.lines.length)}\r${clearToEnd}`;
  }
}

/** A wrapped line would make the number of lines to erase wrong, so every line is cut to the width. */
function shorten(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
