#!/usr/bin/env node
import './small-heap.js';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { demoCommand } from './demo.js';
import { exitCodes } from './exit-codes.js';
import { fromGoStyle } from './pflag.js';
import { adoptCommand, cleanCommand, finishCommand, repairCommand } from './after-rotation.js';
import { rollbackCommand } from './rollback.js';
import { resumeCommand, rotateCertsCommand } from './rotate-certs.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const rotateCerts = rotateCertsCommand();
const program = new Command('keyroll')
  .description('Rotates all certificates of a Kubernetes cluster without a failed request')
  .version(version)
  .addCommand(rotateCerts)
  .addCommand(resumeCommand())
  .addCommand(rollbackCommand())
  .addCommand(adoptCommand())
  .addCommand(finishCommand())
  .addCommand(repairCommand())
  .addCommand(cleanCommand())
  .addCommand(demoCommand());

program.exitOverride();
for (const command of program.commands) command.exitOverride();
try {
  await program.parseAsync(fromGoStyle(process.argv.slice(2), rotateCerts), { from: 'user' });
} catch (error) {
  const { exitCode } = error as { exitCode?: number };
  if (exitCode === undefined) throw error;
  process.exitCode = exitCode === 0 ? 0 : exitCodes.usage;
}
