import { readFileSync } from 'node:fs';
import type { Systemd } from '../systemd/systemd.js';
import { NotKnownError, readOptions, type Answer, type Call, type Command } from './command.js';

/** `systemctl is-active|is-enabled|enable|disable|show|start|stop|restart|kill` on a machine's service manager. */
export function systemctlOf(systemd: Systemd): Command {
  return async ({ args, env }) => {
    const { flags, values, rest } = readOptions('systemctl', args, {
      flags: ['-q', '--value'],
      values: ['-p'],
    });
    const [verb = '', ...units] = rest;
    if (verb === 'is-active') return isActive(systemd, units, flags.has('-q'));
    if (verb === 'is-enabled') return isEnabled(systemd, units);
    if (verb === 'show') return show(systemd, units, values.get('-p') ?? [], flags.has('--value'));
    if (units.length === 0) return ofAll(systemd, verb);
    if (verb === 'enable' || verb === 'disable')
      return enabling(systemd, verb, units, env['KEYROLL_ROOT'] ?? '');
    const change = changes[verb];
    if (!change)
      throw new NotKnownError(`systemctl: ${verb} is not known (asked: systemctl ${args.join(' ')})`);
    const missing: string[] = [];
    for (const unit of units) if (!(await change(systemd, unit))) missing.push(unit);
    if (missing.length === 0) return { code: 0 };
    return {
      code: 5,
      err: missing
        .map((unit) => `Failed to ${verb} ${unit}.service: Unit ${unit}.service not loaded.\n`)
        .join(''),
    };
  };
}

/** What is asked of the manager itself. */
function ofAll({ running }: Systemd, verb: string): Answer {
  if (verb === 'daemon-reload') return { code: 0 };
  if (verb === 'is-system-running') return { code: running === 'running' ? 0 : 1, out: `${running}\n` };
  throw new NotKnownError(`systemctl: ${verb} without a unit is not known`);
}

/** A unit by its file below `/etc/systemd/system`: it is started at each boot, before all services. */
function enabling(systemd: Systemd, verb: string, [unit = '']: readonly string[], root: string): Answer {
  if (verb === 'disable') return { code: systemd.disable(unit) ? 0 : 1 };
  const text = readFileSync(`${root}/etc/systemd/system/${unit}`, 'utf8');
  const value = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
  const [type, start, before, post] = ['Type', 'ExecStart', 'ExecStartPre', 'ExecStopPost'].map(value);
  if ((type !== 'oneshot' && type !== 'simple') || start === undefined || !/^Before=.*kubelet/m.test(text))
    throw new NotKnownError(
      `systemctl enable ${unit}: expected a unit of type oneshot or simple with ExecStart=, before kubelet`,
    );
  systemd.enable(unit, {
    type,
    argv: start.split(/\s+/),
    ...(before === undefined ? {} : { before: before.split(/\s+/) }),
    ...(post === undefined ? {} : { execStopPost: post }),
  });
  return { code: 0 };
}

const changes: Readonly<Record<string, (systemd: Systemd, unit: string) => Promise<boolean>>> = {
  stop: (systemd, unit) => systemd.stop(unit),
  start: async (systemd, unit) => {
    await systemd.service(unit)?.start();
    return systemd.service(unit) !== undefined;
  },
  restart: async (systemd, unit) => {
    await systemd.service(unit)?.restart();
    return systemd.service(unit) !== undefined;
  },
  kill: (systemd, unit) => {
    systemd.service(unit)?.kill();
    return Promise.resolve(systemd.service(unit) !== undefined);
  },
};

function isActive(systemd: Systemd, units: readonly string[], quiet: boolean): Answer {
  const states = units.map((unit) => systemd.state(unit));
  return {
    code: states.includes('active') ? 0 : 3,
    out: quiet ? '' : states.map((state) => `${state}\n`).join(''),
  };
}

function isEnabled(systemd: Systemd, [unit = '']: readonly string[]): Answer {
  if (systemd.service(unit)) return { code: 0, out: 'enabled\n' };
  return { code: 1, err: `Failed to get unit file state for ${unit}.service: No such file or directory\n` };
}

function show(
  systemd: Systemd,
  [unit = '']: readonly string[],
  properties: readonly string[],
  bare: boolean,
): Answer {
  if (properties.join() !== 'MainPID')
    throw new NotKnownError(`systemctl show: expected -p MainPID, found ${properties.join()}`);
  const pid = systemd.service(unit)?.mainPid ?? 0;
  return { code: 0, out: bare ? `${pid}\n` : `MainPID=${pid}\n` };
}

const seconds = (text: string): number => Number(/^(\d+(?:\.\d+)?)s?$/.exec(text)?.[1] ?? NaN);

/** `systemd-run` for a transient service, or one that a timer starts (`--on-active`). */
export function systemdRunOf(systemd: Systemd): Command {
  return async ({ args, env }: Call) => {
    const from = args.findIndex((word, at) => !word.startsWith('-') && at > 0);
    const { flags, values } = readOptions('systemd-run', args.slice(0, from), {
      flags: ['-q', '--quiet', '--collect', '--wait'],
      values: ['--unit', '--setenv', '--property', '--on-active', '--timer-property'],
    });
    const properties = new Map(
      (values.get('--property') ?? []).map((text) => [text.replace(/=.*/s, ''), text.replace(/^[^=]*=/, '')]),
    );
    const strange = [...properties.keys()].find(
      (name) => name !== 'ExecStopPost' && name !== 'TimeoutStopSec',
    );
    const name = values.get('--unit')?.[0];
    if (strange !== undefined || name === undefined)
      throw new NotKnownError(
        `systemd-run: expected --unit and properties that are known, found ${strange ?? 'no --unit'}`,
      );
    if (systemd.knows(name))
      return {
        code: 1,
        err: `Failed to start transient service unit: Unit ${name}.service already exists.\n`,
      };
    const execStopPost = properties.get('ExecStopPost');
    const unit = {
      name,
      argv: args.slice(from),
      env: { ...setenv(values.get('--setenv') ?? []), KEYROLL_ROOT: env['KEYROLL_ROOT'] ?? '' },
      stopMs: seconds(properties.get('TimeoutStopSec') ?? '10') * 1000,
      ...(execStopPost === undefined ? {} : { execStopPost }),
    };
    const delay = values.get('--on-active')?.[0];
    if (delay === undefined) {
      const ended = systemd.run(unit);
      return { code: flags.has('--wait') && !(await ended) ? 1 : 0 };
    }
    systemd.runLater(unit, seconds(delay) * 1000);
    return { code: 0 };
  };
}

function setenv(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((text) => [text.replace(/=.*/s, ''), text.replace(/^[^=]*=/, '')]),
  );
}
