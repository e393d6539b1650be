import { styleText } from 'node:util';
import type { CertificateRow, Emit, Event } from '../report/events.js';
import { failuresIn } from '../report/report.js';
import type { ProbeStats } from '../probe/types.js';
import { reportLines } from './report-text.js';

const phaseMeaning = {
  trust: 'masters accept the new side too',
  present: 'masters show the new side',
  refresh: 'nodes and workloads take the new side',
  distrust: 'nothing accepts the old side any more (no way back from here)',
  'back-present': 'masters show the old side',
  'back-refresh': 'nodes and workloads take the old side',
  'back-distrust': 'nothing accepts the new side any more; everything is as it was',
  'rescue-masters': 'all masters stop, get new certificates, and start together',
  'rescue-nodes': 'nodes, tokens and workloads take the new side',
} as const;

/** Renders events as lines; a clock since the start stands before each. */
export function terminal(output: NodeJS.WriteStream): Emit {
  const begun = Date.now();
  const color = output.isTTY;
  const bold = (text: string): string => (color ? styleText('bold', text) : text);
  const line = (text = ''): void => {
    output.write(`${text}\n`);
  };
  const timed = (text: string): void => line(`${clock(Date.now() - begun)}  ${text}`);
  let probe: ProbeStats | undefined;

  return (event) => {
    switch (event.code) {
      case 'certificates':
        line();
        for (const text of certificateTable(event.rows)) line(`  ${text}`);
        line();
        return;
      case 'plan':
        line(bold('What will happen:'));
        for (const { phase, text } of event.phases) line(`  ${phase.padEnd(longest(event.phases))} ${text}`);
        line();
        return;
      case 'phase-begins':
        line();
        timed(bold(`${event.phase}: ${phaseMeaning[event.phase]}`));
        return;
      case 'phase-ends':
        timed(`${event.phase} done in ${seconds(event.ms)}${probe ? `; ${probeLine(probe)}` : ''}`);
        return;
      case 'probe':
        probe = event.stats;
        return;
      case 'report':
        line();
        for (const text of reportLines(event.report)) line(text);
        return;
      default:
        timed(plain(event));
    }
  };
}

function longest(phases: readonly { phase: string }[]): number {
  return Math.max(...phases.map(({ phase }) => phase.length));
}

function plain(
  event: Exclude<
    Event,
    { code: 'certificates' | 'plan' | 'phase-begins' | 'phase-ends' | 'probe' | 'report' }
  >,
): string {
  switch (event.code) {
    case 'doing':
    case 'note':
      return event.text;
    case 'warning':
      return `warning: ${event.text}`;
    case 'host-key-recorded':
      return `host key of ${event.host} recorded: ${event.fingerprint}`;
    case 'nodes':
      return `${event.nodes.length} nodes, from ${event.source}: ${event.nodes.join(', ')}`;
    case 'finding':
      return `${event.level}: ${event.finding.where}: ${event.finding.what}; ${event.finding.next}`;
    case 'step-begins':
      return `  … ${event.title}`;
    case 'step-ends':
      return `  ✓ ${event.title} (${seconds(event.ms)})`;
    case 'step-fails':
      return `  ✗ ${event.title}: ${event.error}`;
    case 'barrier-waits':
      return `  waiting for: ${event.deviations.slice(0, 3).join('; ')}${event.deviations.length > 3 ? ` and ${event.deviations.length - 3} more` : ''}`;
  }
}

function probeLine({ classes }: ProbeStats): string {
  const all = Object.values(classes);
  const requests = all.reduce((sum, { requests: count }) => sum + count, 0);
  return `${requests} requests sent, ${failuresIn(classes)} failed`;
}

function certificateTable(rows: readonly CertificateRow[]): string[] {
  const cells = [
    ['certificate', 'nodes', 'key', 'until', 'days left', 'issuer'],
    ...rows.map((row) => [row.name, String(row.nodes), row.key, row.until, String(row.daysLeft), row.issuer]),
  ];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function clock(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}
