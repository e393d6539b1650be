import { RemoteError, type RemoteFailure, describe } from './error.js';
import { HostKeyError, hostKeyLabel } from './known-hosts.js';
import type { Login, Target } from './login.js';

/** Makes of what ssh2 says about a failed connection an error that says where, what and what to do next. */
export function connectError(error: unknown, target: Target, login: Login): Error {
  if (error instanceof HostKeyError || error instanceof RemoteError) return error;
  const text = describe(error);
  if (text.includes('no matching host key format')) return noCommonHostKey(error, target, login);
  const { failure, what } = explain(text, levelOf(error), target, login);
  return new RemoteError(failure, `${target.label}: ${what}`, { node: target.host.name, cause: error });
}

function noCommonHostKey(error: unknown, target: Target, login: Login): Error {
  const refusal = login.hostKeys.noKnownType(target.host);
  if (refusal) return refusal;
  const what = 'it offers no host key of a type that can be verified (ed25519, ECDSA, RSA with SHA-2)';
  const next = `give ${hostKeyLabel(target.host)} such a host key`;
  return new RemoteError('protocol', `${target.label}: ${what}; ${next}`, {
    node: target.host.name,
    cause: error,
  });
}

interface Explanation {
  readonly failure: RemoteFailure;
  readonly what: string;
}

function explain(text: string, level: string, target: Target, login: Login): Explanation {
  if (level === 'client-authentication') return { failure: 'authentication', what: refusedText(login) };
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return { failure: 'unreachable', what: dnsText(text, target) };
  if (/no matching /.test(text)) return { failure: 'protocol', what: algorithmText(text) };
  if (/signature verification failed|Host key does not match/.test(text)) {
    const what = `it could not prove that it holds its host key (${text}); nothing was sent to it`;
    return { failure: 'protocol', what };
  }
  const place = target.stream ? `SSH to ${target.host.name}` : `port ${target.host.port}`;
  return { failure: 'unreachable', what: `${place} cannot be reached (${text}); ${reachText(target)}` };
}

function refusedText(login: Login): string {
  if ('password' in login.identity)
    return (
      `the login as "${login.username}" with the API model's password was refused; check windowsProfile.adminUsername ` +
      `and adminPassword in the API model, and that sshd there allows passwords`
    );
  return (
    `the login as "${login.username}" with ${'agent' in login.identity ? "the SSH agent's keys" : 'the given private key'} was refused; check that ` +
    `--linux-ssh-private-key belongs to the API model's admin user and is in its ~/.ssh/authorized_keys there`
  );
}

function dnsText(text: string, target: Target): string {
  return `the name does not resolve (${text}); check it${target.stream ? '' : ' (--ssh-host)'} and this machine's DNS`;
}

function algorithmText(text: string): string {
  return `no algorithm in common (${text.replace(/^Handshake failed: /, '')}); compare with sshd -T there`;
}

function reachText(target: Target): string {
  return target.stream
    ? 'check that the machine is running and that its sshd accepts connections from the jump host'
    : 'check --ssh-host and --ssh-port, and that no firewall lies between';
}

function levelOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return 'level' in error && typeof error.level === 'string' ? error.level : '';
}
