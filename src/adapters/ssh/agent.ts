import { readFile } from 'node:fs/promises';
import type { BaseAgent, OpenSSHAgent, ParsedKey } from 'ssh2';
import { describe, LoginError } from './error.js';

/**
 * An SSH agent for `openFleet`.
 * @param socket of the agent
 * @param keyFile limits it to one of its keys: a public key, or a private key with its `.pub` beside it. sshd lets a
 *   client try few keys, so with many in the agent the right one must be named. Left out: all, in the agent's order
 * @throws Error when there is no agent, when it holds no key, or not the one that was named
 */
export async function agentWith(socket: string, keyFile?: string): Promise<BaseAgent> {
  const { default: ssh2 } = await import('ssh2');
  const agent = new ssh2.OpenSSHAgent(socket);
  const wanted = keyFile === undefined ? undefined : await publicKey(keyFile);
  const keys = await identities(agent, socket);
  const chosen = wanted ? keys.filter((key) => key.getPublicSSH().equals(wanted)) : keys;
  if (chosen.length === 0) {
    const found =
      keys.length === 0 ? 'no key' : keys.map(({ type, comment }) => `${type} ${comment}`).join(', ');
    throw new LoginError(
      `SSH agent ${socket}: found ${found}; expected ${keyFile ?? 'at least one'}; add it with ssh-add`,
    );
  }
  agent.getIdentities = (done) => {
    done(null, chosen);
  };
  return agent;
}

function identities(agent: OpenSSHAgent, socket: string): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      const next = 'start one, load the key with ssh-add, and set SSH_AUTH_SOCK';
      if (error)
        reject(
          new LoginError(`SSH agent ${socket}: does not answer (${describe(error)}); ${next}`, {
            cause: error,
          }),
        );
      else resolve((keys ?? []).filter((key) => 'getPublicSSH' in key));
    });
  });
}

async function publicKey(file: string): Promise<Buffer> {
  const { default: ssh2 } = await import('ssh2');
  for (const candidate of [file, `${file}.pub`]) {
    const parsed = ssh2.utils.parseKey(await textOf(candidate));
    const [key] = parsed instanceof Error ? [] : [parsed].flat();
    if (key) return key.getPublicSSH();
  }
  throw new LoginError(
    `${file}: its public half is not known; put it into ${file}.pub (ssh-keygen -y -f ${file}), or name it`,
  );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new LoginError(`${file}: cannot be read (${describe(error)})`, { cause: error });
  }
}
